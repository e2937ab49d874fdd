// The floor: adscore's service and messages over gRPC, parsed and answered with constants, no model. What a
// request costs here nobody can save; what adscore-server costs beyond it is ours.
//
// One thread and one completion queue, as one serving loop has. Call objects and their memory are used again.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "adscore/v1/prediction_service.grpc.pb.h"
#include "cli/flag_checks.h"
#include "cli/output.h"
#include "google/protobuf/arena.h"
#include "grpcpp/grpcpp.h"

namespace adscore::bench {
namespace {

constexpr char kProgram[] = "floor_server";
// Calls that wait in the completion queue. More would be used in turns and find their memory out of the cache.
constexpr int kPosted = 4;
constexpr size_t kArenaBlock = 64 << 10;

using Service = v1::PredictionService::AsyncService;

class Event {
 public:
  virtual void Happen(bool ok) = 0;

 protected:
  ~Event() = default;
};

class Call final : public Event {
 public:
  Call(Service* service, grpc::ServerCompletionQueue* queue)
      : service_(service), queue_(queue), block_(std::make_unique<char[]>(kArenaBlock)) {
    google::protobuf::ArenaOptions options;
    options.initial_block = block_.get();
    options.initial_block_size = kArenaBlock;
    arena_.emplace(options);
    Post();
  }

  void Happen(bool ok) override {
    if (!ok && !is_answered_) return;  // the server shuts down
    if (is_answered_) return Post();
    is_answered_ = true;
    auto* response = google::protobuf::Arena::CreateMessage<v1::PredictResponse>(&*arena_);
    response->set_version(1);
    response->add_heads()->mutable_probability()->Resize(static_cast<int>(request_->candidate_count()), 0.1f);
    responder_->Finish(*response, grpc::Status::OK, static_cast<Event*>(this));
  }

 private:
  void Post() {
    responder_.reset();
    arena_->Reset();
    context_.emplace();
    responder_.emplace(&*context_);
    request_ = google::protobuf::Arena::CreateMessage<v1::PredictRequest>(&*arena_);
    is_answered_ = false;
    service_->RequestPredict(&*context_, request_, &*responder_, queue_, queue_, static_cast<Event*>(this));
  }

  Service* const service_;
  grpc::ServerCompletionQueue* const queue_;
  const std::unique_ptr<char[]> block_;
  std::optional<google::protobuf::Arena> arena_;
  v1::PredictRequest* request_ = nullptr;
  std::optional<grpc::ServerContext> context_;
  std::optional<grpc::ServerAsyncResponseWriter<v1::PredictResponse>> responder_;
  bool is_answered_ = false;
};

// Describes a model with features for candidates only, so that adscore-client can draw impressions for it.
class SchemaCall final : public Event {
 public:
  SchemaCall(Service* service, grpc::ServerCompletionQueue* queue, const v1::GetModelResponse* answer)
      : service_(service), queue_(queue), answer_(answer) {
    Post();
  }

  void Happen(bool ok) override {
    if (!ok && !is_answered_) return;
    if (is_answered_) return Post();
    is_answered_ = true;
    responder_->Finish(*answer_, grpc::Status::OK, static_cast<Event*>(this));
  }

 private:
  void Post() {
    responder_.reset();
    context_.emplace();
    responder_.emplace(&*context_);
    is_answered_ = false;
    service_->RequestGetModel(&*context_, &request_, &*responder_, queue_, queue_, static_cast<Event*>(this));
  }

  Service* const service_;
  grpc::ServerCompletionQueue* const queue_;
  const v1::GetModelResponse* const answer_;
  v1::GetModelRequest request_;
  std::optional<grpc::ServerContext> context_;
  std::optional<grpc::ServerAsyncResponseWriter<v1::GetModelResponse>> responder_;
  bool is_answered_ = false;
};

v1::GetModelResponse Schema(int numeric, int categorical) {
  v1::GetModelResponse model;
  model.set_model("floor");
  model.set_version(1);
  model.set_schema_fingerprint(0x0123456789abcdef);
  const auto add = [&model](const std::string& name, v1::Feature::Kind kind) {
    v1::Feature* feature = model.add_features();
    feature->set_name(name);
    feature->set_kind(kind);
    feature->set_role(v1::Feature::ROLE_CANDIDATE);
  };
  for (int i = 0; i < numeric; ++i) add(absl::StrCat("n", i), v1::Feature::KIND_NUMERIC);
  for (int i = 0; i < categorical; ++i) add(absl::StrCat("c", i), v1::Feature::KIND_CATEGORICAL);
  model.add_heads()->set_name("click");
  return model;
}

int Main(int argc, char** argv) {
  CLI::App app("Answers adscore's Predict with constants: the floor that adscore-server is compared with.",
               kProgram);
  int numeric = 5;
  int categorical = 0;
  app.add_option("--numeric", numeric, "Numeric features of the model that it claims to have")
      ->check(cli::WholeNumber(0, 10'000))
      ->capture_default_str();
  app.add_option("--categorical", categorical, "Categorical features of it")
      ->check(cli::WholeNumber(0, 10'000))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    return cli::Fail(kProgram, error.what(), cli::kBadUsage);
  }

  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // as the server does
  Service service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::ServerCompletionQueue> queue = builder.AddCompletionQueue();
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return cli::Fail(kProgram, "can't listen on 127.0.0.1", cli::kFailed);

  const v1::GetModelResponse schema = Schema(numeric, categorical);
  std::vector<std::unique_ptr<Call>> calls;
  for (int i = 0; i < kPosted; ++i) calls.push_back(std::make_unique<Call>(&service, queue.get()));
  SchemaCall schema_call(&service, queue.get(), &schema);
  std::thread loop([&queue] {
    void* tag = nullptr;
    bool ok = false;
    while (queue->Next(&tag, &ok)) static_cast<Event*>(tag)->Happen(ok);
  });
  std::printf("listening on grpc://127.0.0.1:%d\n", port);
  std::fflush(stdout);

  int received = 0;
  sigwait(&signals, &received);
  std::_Exit(cli::kDone);  // nothing here needs an orderly end
}

}  // namespace
}  // namespace adscore::bench

int main(int argc, char** argv) { return adscore::bench::Main(argc, argv); }

#include "tests/client/fake_server.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "grpcpp/ext/health_check_service_server_builder_option.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/server_builder.h"

namespace adscore::client {
namespace {

// Builds a server for whatever services are given; `port` 0 becomes the port that it got.
template <typename... Service>
std::unique_ptr<grpc::Server> Listen(int* port, Service*... services) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:" + std::to_string(*port), grpc::InsecureServerCredentials(), port);
  (builder.RegisterService(services), ...);
  return builder.BuildAndStart();
}

}  // namespace

FakeServer::FakeServer(int port, Health health) : port_(port) {
  grpc::EnableDefaultHealthCheckService(health == Health::kSaid);
  server_ = Listen(&port_, static_cast<v1::PredictionService::Service*>(this),
                   static_cast<v1::ModelService::Service*>(this));
  if (health == Health::kSaid) SayServing(true);
}

void FakeServer::SayServing(bool serving) {
  server_->GetHealthCheckService()->SetServingStatus("adscore.v1.PredictionService", serving);
}

FakeServer::~FakeServer() { server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5)); }

std::string FakeServer::target() const { return "127.0.0.1:" + std::to_string(port_); }

void FakeServer::Serve(int64_t version, uint64_t fingerprint, const std::vector<std::string>& heads) {
  std::lock_guard lock(mutex_);
  version_ = version;
  fingerprint_ = fingerprint;
  heads_[version] = heads;
}

void FakeServer::FailEvery(uint64_t n, const grpc::Status& status) {
  std::lock_guard lock(mutex_);
  fail_every_ = n;
  failure_ = status;
}

void FakeServer::PushBack(const std::string& milliseconds) {
  std::lock_guard lock(mutex_);
  pushback_ = milliseconds;
}

v1::PredictRequest FakeServer::last_request() {
  std::lock_guard lock(mutex_);
  return last_request_;
}

grpc::Status FakeServer::Predict(grpc::ServerContext* context, const v1::PredictRequest* request,
                                 v1::PredictResponse* response) {
  return Answer(context, *request, response);
}

grpc::Status FakeServer::PredictStream(
    grpc::ServerContext* context,
    grpc::ServerReaderWriter<v1::PredictStreamResponse, v1::PredictStreamRequest>* stream) {
  ++streams_;
  std::vector<v1::PredictStreamRequest> waiting;
  uint64_t answers = 0;
  for (bool more = true; more;) {
    v1::PredictStreamRequest request;
    more = stream->Read(&request);
    if (more) waiting.push_back(request);
    if (more && waiting.size() < backwards_) continue;
    for (; !waiting.empty(); waiting.pop_back()) {
      if (end_streams_after_ > 0 && answers >= end_streams_after_) {
        return {grpc::StatusCode::UNAVAILABLE, "draining"};
      }
      last_timeout_us_ = waiting.back().timeout_us();
      v1::PredictStreamResponse answer;
      answer.set_request_id(waiting.back().request_id());
      const grpc::Status status = Answer(context, waiting.back().request(), answer.mutable_response());
      if (!status.ok()) {
        answer.mutable_error()->set_code(status.error_code());
        answer.mutable_error()->set_message(status.error_message());
      }
      stream->Write(answer);
      ++answers;
    }
  }
  return grpc::Status::OK;
}

grpc::Status FakeServer::Answer(grpc::ServerContext* context, const v1::PredictRequest& request,
                                v1::PredictResponse* response) {
  const uint64_t call = ++predict_calls_;
  const auto answer_at = std::chrono::steady_clock::now() + std::chrono::milliseconds(delay_ms_);
  while (std::chrono::steady_clock::now() < answer_at && !context->IsCancelled()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  std::lock_guard lock(mutex_);
  last_request_ = request;
  if (fail_every_ > 0 && call % fail_every_ == 0) {
    if (!pushback_.empty()) context->AddTrailingMetadata("grpc-retry-pushback-ms", pushback_);
    return failure_;
  }
  if (request.packed().schema_fingerprint() != fingerprint_) {
    return {grpc::StatusCode::FAILED_PRECONDITION, "packed for another schema"};
  }
  response->set_version(version_);
  for (size_t h = 0; h < heads_[version_].size(); ++h) {
    *response->add_heads()->mutable_probability() = request.packed().candidates().numeric();
    if (err_every_ > 0 && call % err_every_ == 0) response->mutable_heads(0)->set_probability(0, -1);
  }
  return grpc::Status::OK;
}

grpc::Status FakeServer::GetModel(grpc::ServerContext* /*context*/, const v1::GetModelRequest* request,
                                  v1::GetModelResponse* response) {
  ++get_model_calls_;
  std::lock_guard lock(mutex_);
  if (!request->model().empty() && request->model() != "ads") {
    return {grpc::StatusCode::NOT_FOUND, "no model '" + request->model() + "'; there is: ads"};
  }
  const int64_t version = request->version() == 0 ? version_ : request->version();
  if (!heads_.contains(version)) return {grpc::StatusCode::NOT_FOUND, "no such version"};
  response->set_model("ads");
  response->set_version(version);
  response->set_schema_fingerprint(fingerprint_);
  response->add_serving_versions(version_);
  const auto add = [&](const char* name, v1::Feature::Kind kind, v1::Feature::Role role) {
    v1::Feature* feature = response->add_features();
    feature->set_name(name);
    feature->set_kind(kind);
    feature->set_role(role);
  };
  add("hour", v1::Feature::KIND_NUMERIC, v1::Feature::ROLE_CONTEXT);
  add("ad", v1::Feature::KIND_CATEGORICAL, v1::Feature::ROLE_CANDIDATE);
  add("bid", v1::Feature::KIND_NUMERIC, v1::Feature::ROLE_CANDIDATE);
  for (const std::string& name : heads_[version]) {
    response->add_heads()->set_name(name);
    response->mutable_heads(response->heads_size() - 1)->set_base_rate(0.25);
  }
  return grpc::Status::OK;
}

grpc::Status FakeServer::ListModels(grpc::ServerContext* /*context*/, const v1::ListModelsRequest* request,
                                    v1::ListModelsResponse* response) {
  std::lock_guard lock(mutex_);
  if (!request->model().empty() && request->model() != "ads") {
    return {grpc::StatusCode::NOT_FOUND, "no model '" + request->model() + "'; there is: ads"};
  }
  v1::ModelStatus* status = response->add_models();
  status->set_model("ads");
  status->set_serving_version(version_);
  status->mutable_serving_since()->set_seconds(1'700'000'000);
  v1::RefusedVersion* refused = status->add_refused();
  refused->set_version(version_ + 1);
  refused->set_reason("section 'layers' is damaged; publish it again");
  refused->mutable_refused_at()->set_seconds(1'700'000'060);
  return grpc::Status::OK;
}

grpc::Status FakeServer::Pin(grpc::ServerContext* /*context*/, const v1::PinRequest* request,
                             v1::ModelStatus* response) {
  if (request->version() > 9) return {grpc::StatusCode::NOT_FOUND, "no version 10 of ads"};
  response->set_model(request->model());
  response->set_serving_version(request->version());
  response->set_pinned_version(request->version());
  return grpc::Status::OK;
}

grpc::Status FakeServer::SetCanary(grpc::ServerContext* /*context*/, const v1::SetCanaryRequest* request,
                                   v1::ModelStatus* response) {
  response->set_model(request->model());
  response->set_serving_version(1);
  response->set_pinned_version(1);
  response->set_canary_version(request->version());
  response->set_canary_share(request->share());
  return grpc::Status::OK;
}

UnusedPort::UnusedPort() : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
  const int on = 1;  // as gRPC's servers have it: several may bind, and this one does not listen
  setsockopt(socket_, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  bind(socket_, reinterpret_cast<sockaddr*>(&address), size);
  getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
  number_ = ntohs(address.sin_port);
}

UnusedPort::~UnusedPort() { close(socket_); }

}  // namespace adscore::client

#include "server/rpc/predict_call.h"

#include <chrono>
#include <vector>

#include "server/rpc/refusal_status.h"
#include "server/rpc/serving_loop.h"

namespace adscore::server {
namespace {

// Holds a request of 20 candidates with 40 features and its answer; larger ones ask the allocator.
constexpr size_t kArenaBlock = 8192;

google::protobuf::ArenaOptions StartWith(char* block) {
  google::protobuf::ArenaOptions options;
  options.initial_block = block;
  options.initial_block_size = kArenaBlock;
  return options;
}

// gRPC gives deadlines in system_clock; the server decides by the steady one.
Time ToSteady(std::chrono::system_clock::time_point deadline, Time now) {
  if (deadline == std::chrono::system_clock::time_point::max()) return kNever;
  const auto left = deadline - std::chrono::system_clock::now();
  return left > kNever - now ? kNever : now + left;
}

}  // namespace

PredictCall::PredictCall(ServingLoop* loop)
    : loop_(loop),
      arena_block_(std::make_unique<char[]>(kArenaBlock)),
      arena_(StartWith(arena_block_.get())) {}

void PredictCall::Post() {
  arena_.Reset();
  request_ = google::protobuf::Arena::CreateMessage<v1::PredictRequest>(&arena_);
  response_ = google::protobuf::Arena::CreateMessage<v1::PredictResponse>(&arena_);
  responder_.reset();
  context_.emplace();
  responder_.emplace(&*context_);
  cancelled = false;
  is_finished_ = false;
  is_done_ = false;
  context_->AsyncNotifyWhenDone(&done_);
  loop_->services().prediction.RequestPredict(&*context_, request_, &*responder_, loop_->queue(),
                                              loop_->queue(), &arrived_);
}

void PredictCall::OnArrived(bool ok) {
  if (!ok) {  // the server shuts down; done_ does not come for a call that never began
    loop_->Recycle(this);
    return;
  }
  loop_->PostPredict();
  is_counted_ = !loop_->admission().draining();
  if (is_counted_) loop_->CountUnderWay(1);
  arrival = loop_->clock().Now();
  deadline = ToSteady(context_->deadline(), arrival);
  rows = RequestedRows(*request_);
  model = request_->model();
  version = request_->version();
  loop_->batcher().Enqueue(this);
}

std::optional<Refusal> PredictCall::Decode(const ServedModel& served, model::Impression* impression) {
  return decoder_.Decode(*request_, served.model->snapshot().schema, served.model->fingerprint(), impression);
}

void PredictCall::Answer(const ServedModel& served, std::span<const float> probabilities) {
  std::vector<std::string> names;
  if (request_->has_named()) {
    for (const model::Head& head : served.model->snapshot().heads) names.push_back(head.name);
  }
  EncodeResponse(served.version, probabilities, served.model->heads(), names, response_);
  Finish(grpc::Status::OK, &served);
}

void PredictCall::Refuse(Refusal refusal, const ServedModel* served) {
  const RefusedRequest refused = {.model = std::string(model),
                                  .version = version,
                                  .rows = rows,
                                  .detail = served == nullptr ? std::string() : decoder_.message()};
  Finish(RefusalStatus(refusal, refused, loop_->registry(), loop_->admission()), served);
}

void PredictCall::Finish(const grpc::Status& status, const ServedModel* served) {
  if (status.ok()) {
    responder_->Finish(*response_, status, &finished_);
  } else {
    responder_->FinishWithError(status, &finished_);
  }
  loop_->Count(Method::kPredict, served, status.error_code(), arrival);
}

void PredictCall::OnFinished(bool /*ok*/) {
  is_finished_ = true;
  EndIfOver();
}

void PredictCall::OnDone(bool /*ok*/) {
  is_done_ = true;
  cancelled = context_->IsCancelled();
  EndIfOver();
}

void PredictCall::EndIfOver() {
  if (!is_finished_ || !is_done_) return;
  if (is_counted_) loop_->CountUnderWay(-1);
  loop_->Recycle(this);
}

}  // namespace adscore::server

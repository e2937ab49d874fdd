#include "client/predict_pipeline.h"

#include <atomic>
#include <chrono>
#include <optional>

#include "grpcpp/client_context.h"
#include "grpcpp/support/async_unary_call.h"

namespace adscore::client {

// The memory of a response is used again by the next call; a ClientContext can't be.
struct PredictPipeline::Call {
  std::atomic<uint64_t> id{0};  // atomic for ThreadSanitizer, which can't see the hand-over inside gRPC
  std::optional<grpc::ClientContext> context;
  v1::PredictResponse response;
  grpc::Status status;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::PredictResponse>> reader;
};

PredictPipeline::PredictPipeline(Client* client, size_t capacity) : client_(client) {
  for (size_t i = 0; i < capacity; ++i) {
    calls_.push_back(std::make_unique<Call>());
    free_.push_back(calls_.back().get());
  }
}

PredictPipeline::~PredictPipeline() {
  Close();
  while (Next([](const Answer&) {})) {
  }
}

void PredictPipeline::Start(uint64_t id, const v1::PredictRequest& request) {
  Call* call = nullptr;
  {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [this] { return !free_.empty(); });
    call = free_.back();
    free_.pop_back();
  }
  call->id.store(id, std::memory_order_relaxed);
  call->reader.reset();
  call->context.emplace();
  call->context->set_deadline(std::chrono::system_clock::now() + client_->deadline());
  call->reader = client_->stub()->AsyncPredict(&*call->context, request, &queue_);
  call->reader->Finish(&call->response, &call->status, call);
}

void PredictPipeline::Close() {
  if (closed_) return;
  closed_ = true;
  queue_.Shutdown();
}

bool PredictPipeline::Next(absl::FunctionRef<void(const Answer&)> take) {
  void* tag = nullptr;
  bool ok = false;  // always true for Finish
  if (!queue_.Next(&tag, &ok)) return false;
  Call* call = static_cast<Call*>(tag);
  take(Answer{
      .id = call->id.load(std::memory_order_relaxed), .status = call->status, .response = call->response});
  {
    std::lock_guard lock(mutex_);
    free_.push_back(call);
  }
  freed_.notify_one();
  return true;
}

}  // namespace adscore::client

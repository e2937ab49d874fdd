#include "server/rpc/scoring_call.h"

#include "absl/strings/str_cat.h"
#include "server/rpc/grpc_deadline.h"
#include "server/rpc/serving_loop.h"

namespace adscore::server {
namespace {

// Asks gRPC for the next call of the method that has this request and this response.
void Await(Services* services, grpc::ServerContext* context, v1::PredictRequest* request,
           grpc::ServerAsyncResponseWriter<v1::PredictResponse>* responder,
           grpc::ServerCompletionQueue* queue, CompletionTag* tag) {
  services->prediction.RequestPredict(context, request, responder, queue, queue, tag);
}

void Await(Services* services, grpc::ServerContext* context, grpc::ByteBuffer* request,
           grpc::ServerAsyncResponseWriter<grpc::ByteBuffer>* responder, grpc::ServerCompletionQueue* queue,
           CompletionTag* tag) {
  services->inference.RequestModelInfer(context, request, responder, queue, queue, tag);
}

void Await(Services* services, grpc::ServerContext* context, tensorflow::serving::PredictRequest* request,
           grpc::ServerAsyncResponseWriter<tensorflow::serving::PredictResponse>* responder,
           grpc::ServerCompletionQueue* queue, CompletionTag* tag) {
  services->tensorflow_prediction.RequestPredict(context, request, responder, queue, queue, tag);
}

}  // namespace

template <typename Job>
void ScoringCall<Job>::Post() {
  responder_.reset();
  context_.emplace();
  responder_.emplace(&*context_);
  is_finished_ = false;
  is_done_ = false;
  context_->AsyncNotifyWhenDone(&done_);
  Await(&loop_->services(), &*context_, memory_.request(), &*responder_, loop_->queue(), &arrived_);
}

template <typename Job>
void ScoringCall<Job>::OnArrived(bool ok) {
  if (!ok) {  // the server shuts down; done_ does not come for a call that never began
    loop_->Recycle(this);
    return;
  }
  loop_->OnScoringCallArrived(this);
  const Time now = loop_->clock().Now();
  Job::Begin(*memory_.request(), memory_.response(), now, ToSteady(context_->deadline(), now));
}

template <typename Job>
void ScoringCall<Job>::End(const grpc::Status& status, const ServedModel* served) {
  if (status.ok()) {
    responder_->Finish(*memory_.response(), status, &finished_);
  } else {
    // The name that gRPC's own retries know (gRFC A6).
    if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) {
      context_->AddTrailingMetadata("grpc-retry-pushback-ms", absl::StrCat(this->retry_after.count()));
    }
    responder_->FinishWithError(status, &finished_);
  }
  loop_->Count(Job::kMethod, served, status.error_code(), *this);
}

template <typename Job>
void ScoringCall<Job>::OnFinished(bool /*ok*/) {
  is_finished_ = true;
  RecycleIfOver();
}

template <typename Job>
void ScoringCall<Job>::OnDone(bool /*ok*/) {
  is_done_ = true;
  this->cancelled = context_->IsCancelled();
  RecycleIfOver();
}

template <typename Job>
void ScoringCall<Job>::RecycleIfOver() {
  if (!is_finished_ || !is_done_) return;
  Job::EndUnderWay();
  memory_.Reset();  // now: an idle call must not hold what a large request needed
  loop_->Recycle(this);
}

template class ScoringCall<RequestJob>;
template class ScoringCall<InferJob>;
template class ScoringCall<TensorFlowJob>;

}  // namespace adscore::server

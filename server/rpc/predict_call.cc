#include "server/rpc/predict_call.h"

#include "absl/strings/str_cat.h"
#include "server/rpc/grpc_deadline.h"
#include "server/rpc/serving_loop.h"

namespace adscore::server {

void PredictCall::Post() {
  arena_.Reset();
  request_ = arena_.Create<v1::PredictRequest>();
  response_ = arena_.Create<v1::PredictResponse>();
  responder_.reset();
  context_.emplace();
  responder_.emplace(&*context_);
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
  loop_->OnPredictArrived();
  const Time now = loop_->clock().Now();
  Begin(*request_, response_, now, ToSteady(context_->deadline(), now));
}

void PredictCall::End(const grpc::Status& status, const ServedModel* served) {
  if (status.ok()) {
    responder_->Finish(*response_, status, &finished_);
  } else {
    // The name that gRPC's own retries know (gRFC A6).
    if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) {
      context_->AddTrailingMetadata("grpc-retry-pushback-ms", absl::StrCat(retry_after.count()));
    }
    responder_->FinishWithError(status, &finished_);
  }
  loop_->Count(Method::kPredict, served, status.error_code(), arrival);
}

void PredictCall::OnFinished(bool /*ok*/) {
  is_finished_ = true;
  RecycleIfOver();
}

void PredictCall::OnDone(bool /*ok*/) {
  is_done_ = true;
  cancelled = context_->IsCancelled();
  RecycleIfOver();
}

void PredictCall::RecycleIfOver() {
  if (!is_finished_ || !is_done_) return;
  EndUnderWay();
  loop_->Recycle(this);
}

}  // namespace adscore::server

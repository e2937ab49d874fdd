#include "server/rpc/watch_call.h"

#include "server/rpc/health_status.h"
#include "server/rpc/serving_loop.h"

namespace adscore::server {

void WatchCall::Post() {
  writer_.reset();
  context_.emplace();
  writer_.emplace(&*context_);
  request_.Clear();
  told_.reset();
  is_finished_ = false;
  is_done_ = false;
  context_->AsyncNotifyWhenDone(&done_);
  loop_->services().health.RequestWatch(&*context_, &request_, &*writer_, loop_->queue(), loop_->queue(),
                                        &arrived_);
}

void WatchCall::OnArrived(bool ok) {
  if (!ok) {  // the server shuts down; done_ does not come for a call that never began
    loop_->Recycle(this);
    return;
  }
  loop_->PostWatch();
  is_open_ = true;
  Update();
}

void WatchCall::Update() {
  if (!is_open_ || is_writing_) return;  // OnWritten looks again
  const auto status = HealthOf(request_.service(), loop_->registry(), loop_->admission().leaving());
  if (status != told_) {
    Response response;
    response.set_status(status);
    told_ = status;
    is_writing_ = true;
    writer_->Write(response, &written_);
  } else if (loop_->admission().draining()) {
    Finish({grpc::StatusCode::UNAVAILABLE, "the server is draining"});
  }
}

void WatchCall::OnWritten(bool ok) {
  is_writing_ = false;
  if (!ok || is_done_) {
    Finish(grpc::Status::CANCELLED);
  } else {
    Update();
  }
}

void WatchCall::Finish(const grpc::Status& status) {
  is_open_ = false;
  writer_->Finish(status, &finished_);
}

void WatchCall::OnFinished(bool /*ok*/) {
  is_finished_ = true;
  RecycleIfOver();
}

void WatchCall::OnDone(bool /*ok*/) {
  is_done_ = true;
  if (is_open_ && !is_writing_) Finish(grpc::Status::CANCELLED);  // the caller left
  RecycleIfOver();
}

void WatchCall::RecycleIfOver() {
  if (is_finished_ && is_done_) loop_->Recycle(this);
}

}  // namespace adscore::server

#include "server/rpc/stream_call.h"

#include <algorithm>

#include "server/rpc/serving_loop.h"
#include "server/rpc/stream_job.h"

namespace adscore::server {
namespace {

// Requests of one stream that may be without a written answer. A caller that does not read its answers is not
// read from either: this is all that it can make the server hold.
constexpr size_t kMostUnanswered = 256;

}  // namespace

void StreamCall::Post() {
  stream_.reset();
  context_.emplace();
  stream_.emplace(&*context_);
  is_open_ = false;
  is_half_closed_ = false;
  is_ending_ = false;
  is_finished_ = false;
  is_done_ = false;
  context_->AsyncNotifyWhenDone(&done_);
  loop_->services().prediction.RequestPredictStream(&*context_, &*stream_, loop_->queue(), loop_->queue(),
                                                    &arrived_);
}

void StreamCall::OnArrived(bool ok) {
  if (!ok) {  // the server shuts down; done_ does not come for a call that never began
    loop_->Recycle(this);
    return;
  }
  loop_->PostStream();
  is_open_ = true;
  ReadNext();
  Update();
}

void StreamCall::ReadNext() {
  if (!is_open_ || reading_ != nullptr || jobs_.size() >= kMostUnanswered) return;
  reading_ = loop_->TakeStreamJob();
  stream_->Read(reading_->Prepare(this), &read_);
}

void StreamCall::OnRead(bool ok) {
  StreamJob* job = std::exchange(reading_, nullptr);
  if (!ok) {  // the caller has half-closed the stream, or it is over
    is_open_ = false;
    is_half_closed_ = true;
    loop_->Recycle(job);
    EndIfOver();
    return;
  }
  jobs_.push_back(job);
  job->Enqueue();
  ReadNext();
}

void StreamCall::Deliver(StreamJob* job) {
  answered_.push_back(job);
  WriteNext();
  EndIfOver();
}

void StreamCall::WriteNext() {
  if (is_writing_) return;
  if (is_done_) {  // nobody reads any more
    while (!answered_.empty()) Forget(answered_.front());
  } else if (!answered_.empty()) {
    grpc::WriteOptions options;
    if (answered_.size() > 1) options.set_buffer_hint();  // the next one follows at once: one packet for both
    is_writing_ = true;
    stream_->Write(answered_.front()->response(), options, &written_);
  }
}

void StreamCall::OnWritten(bool ok) {
  is_writing_ = false;
  if (!ok) is_open_ = false;
  Forget(answered_.front());
  WriteNext();
  ReadNext();
  EndIfOver();
}

// The first of those that are answered.
void StreamCall::Forget(StreamJob* job) {
  answered_.pop_front();
  jobs_.erase(std::find(jobs_.begin(), jobs_.end(), job));
  job->EndUnderWay();
  loop_->Recycle(job);
}

void StreamCall::Update() {
  if (!is_open_ || !loop_->admission().draining()) return;
  is_open_ = false;
  EndIfOver();
}

void StreamCall::OnDone(bool /*ok*/) {
  is_done_ = true;
  is_open_ = false;
  for (StreamJob* job : jobs_) job->cancelled = true;
  WriteNext();
  EndIfOver();
}

void StreamCall::OnFinished(bool /*ok*/) {
  is_finished_ = true;
  EndIfOver();
}

// Says how the stream ended once there is nothing more to write, and gives it back once gRPC has let go of
// it.
void StreamCall::EndIfOver() {
  if (is_open_ || !jobs_.empty() || is_writing_) return;
  if (!is_ending_) {
    is_ending_ = true;
    grpc::Status status;
    if (is_done_) {
      status = grpc::Status::CANCELLED;
    } else if (!is_half_closed_) {
      status = {grpc::StatusCode::UNAVAILABLE, "the server is draining; open the stream elsewhere"};
    }
    stream_->Finish(status, &finished_);
  }
  if (is_finished_ && is_done_ && reading_ == nullptr) loop_->Recycle(this);
}

}  // namespace adscore::server

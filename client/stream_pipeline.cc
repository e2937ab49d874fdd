#include "client/stream_pipeline.h"

#include <algorithm>
#include <string>

namespace adscore::client {
namespace {

// Tags. One stream is open at a time, with one operation of each kind.
char begun;
char written;
char read_;
char finished;

grpc::Status StatusOf(const v1::PredictStreamResponse& answer) {
  if (answer.has_response()) return grpc::Status::OK;
  const int code = answer.error().code();
  if (code <= 0 || code > static_cast<int>(grpc::StatusCode::UNAUTHENTICATED)) {
    return {grpc::StatusCode::INTERNAL, "an answer on the stream has neither a response nor an error's code"};
  }
  return {static_cast<grpc::StatusCode>(code), answer.error().message()};
}

uint32_t Microseconds(std::chrono::milliseconds time) {
  const int64_t most = UINT32_MAX;
  return static_cast<uint32_t>(std::min<int64_t>(std::chrono::microseconds(time).count(), most));
}

}  // namespace

StreamPipeline::StreamPipeline(Client* client, size_t capacity)
    : client_(client), timeout_us_(Microseconds(client->deadline())), slots_(capacity) {
  for (Slot& slot : slots_) free_.push_back(&slot);
}

StreamPipeline::~StreamPipeline() {
  Close();
  while (Next([](const Answer&) {})) {
  }
}

void StreamPipeline::Start(uint64_t id, const v1::PredictRequest& request) {
  Slot* slot = nullptr;
  {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [this] { return !free_.empty(); });
    slot = free_.back();
    free_.pop_back();
  }
  *slot->message.mutable_request() = request;
  slot->message.set_timeout_us(timeout_us_);

  std::lock_guard lock(mutex_);
  slot->id = id;
  slot->wire_id = ++started_ * slots_.size() + static_cast<size_t>(slot - slots_.data());
  slot->message.set_request_id(slot->wire_id);
  unsent_.push_back(slot->wire_id);
  by_deadline_.push_back({slot->wire_id, std::chrono::system_clock::now() + client_->deadline()});
  if (stream_ == nullptr) Open();
  WriteNext();
}

void StreamPipeline::Close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  EndIfIdle();
}

bool StreamPipeline::Next(absl::FunctionRef<void(const Answer&)> take) {
  for (;;) {
    if (HandOut(take)) return true;
    Time deadline;
    {
      std::lock_guard lock(mutex_);
      deadline = NextDeadline();
    }
    void* tag = nullptr;
    bool ok = false;
    switch (queue_.AsyncNext(&tag, &ok, deadline)) {
      case grpc::CompletionQueue::SHUTDOWN:
        return false;
      case grpc::CompletionQueue::TIMEOUT:
        FailExpired();
        break;
      case grpc::CompletionQueue::GOT_EVENT:
        if (Handle(tag, ok, take)) return true;
        break;
    }
  }
}

bool StreamPipeline::HandOut(absl::FunctionRef<void(const Answer&)> take) {
  if (lost_.empty()) return false;
  const Lost lost = std::move(lost_.front());
  lost_.pop_front();
  take(Answer{.id = lost.id, .status = lost.status, .response = v1::PredictResponse::default_instance()});
  return true;
}

bool StreamPipeline::Handle(void* tag, bool ok, absl::FunctionRef<void(const Answer&)> take) {
  std::unique_lock lock(mutex_);
  if (tag == &written) {
    writing_ = false;
    writable_ = writable_ && ok;
    WriteNext();
    FinishIfOver();
    return false;
  }
  if (tag == &finished) {
    stream_.reset();
    FailAll(final_status_.ok() ? grpc::Status(grpc::StatusCode::INTERNAL,
                                              "the server ended the stream without an answer to this request")
                               : final_status_);
    EndIfIdle();
    return false;
  }
  // Begun, or read.
  reading_ = ok;
  if (!ok) {
    writable_ = false;
    FinishIfOver();
    return false;
  }
  if (tag == &begun) {
    writable_ = true;
    stream_->Read(&incoming_, &read_);
    WriteNext();
    return false;
  }
  answer_.Swap(&incoming_);
  stream_->Read(&incoming_, &read_);
  Slot* slot = Find(answer_.request_id());
  if (slot == nullptr) return false;  // it came after its deadline
  const uint64_t id = slot->id;
  Free(slot);
  EndIfIdle();
  lock.unlock();
  take(Answer{.id = id, .status = StatusOf(answer_), .response = answer_.response()});
  return true;
}

StreamPipeline::Slot* StreamPipeline::Find(uint64_t wire_id) {
  Slot* slot = &slots_[wire_id % slots_.size()];
  return slot->wire_id == wire_id && wire_id != 0 ? slot : nullptr;
}

void StreamPipeline::Free(Slot* slot) {
  slot->wire_id = 0;
  free_.push_back(slot);
  freed_.notify_one();
}

void StreamPipeline::Open() {
  context_.emplace();
  stream_ = client_->stub()->AsyncPredictStream(&*context_, &queue_, &begun);
}

void StreamPipeline::WriteNext() {
  if (!writable_ || writing_) return;
  while (!unsent_.empty()) {
    const Slot* slot = Find(unsent_.front());
    unsent_.pop_front();
    if (slot == nullptr) continue;  // expired
    grpc::WriteOptions options;
    // One packet for several. Should all that follow expire before they are written, then this one, which is
    // older, has too, and it does not matter that it lies in gRPC's buffer.
    if (!unsent_.empty()) options.set_buffer_hint();
    stream_->Write(slot->message, options, &written);
    writing_ = true;
    return;
  }
  EndIfIdle();
}

void StreamPipeline::FinishIfOver() {
  if (reading_ || writing_ || writable_) return;
  stream_->Finish(&final_status_, &finished);
}

void StreamPipeline::EndIfIdle() {
  if (!closed_ || free_.size() < slots_.size()) return;
  if (stream_ == nullptr) {
    if (!shut_down_) queue_.Shutdown();
    shut_down_ = true;
    return;
  }
  if (end_by_ == Time()) end_by_ = std::chrono::system_clock::now() + client_->deadline();
  if (!writable_ || writing_) return;
  stream_->WritesDone(&written);
  writable_ = false;
  writing_ = true;
}

void StreamPipeline::FailAll(const grpc::Status& status) {
  for (Slot& slot : slots_) {
    if (slot.wire_id == 0) continue;
    lost_.push_back({slot.id, status});
    Free(&slot);
  }
  unsent_.clear();
  by_deadline_.clear();
}

StreamPipeline::Time StreamPipeline::NextDeadline() {
  while (!by_deadline_.empty() && Find(by_deadline_.front().wire_id) == nullptr) by_deadline_.pop_front();
  if (!by_deadline_.empty()) return by_deadline_.front().deadline;
  if (end_by_ != Time()) return end_by_;
  // What is started from now on expires no sooner.
  return std::chrono::system_clock::now() + client_->deadline();
}

void StreamPipeline::FailExpired() {
  std::lock_guard lock(mutex_);
  const Time now = std::chrono::system_clock::now();
  for (; !by_deadline_.empty() && by_deadline_.front().deadline <= now; by_deadline_.pop_front()) {
    Slot* slot = Find(by_deadline_.front().wire_id);
    if (slot == nullptr) continue;
    lost_.push_back({slot->id, grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "Deadline Exceeded")});
    Free(slot);
  }
  if (end_by_ != Time() && end_by_ <= now && stream_ != nullptr) {
    context_->TryCancel();
    end_by_ = Time::max();
  }
  EndIfIdle();
}

}  // namespace adscore::client

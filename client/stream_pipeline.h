// Many impressions in flight over one PredictStream, on a completion queue.
//
// A stream that ends takes what it had not answered with it: each of those requests fails with the stream's
// status, and the next Start opens another stream. A request that has no answer by its deadline fails like a
// unary call, and its late answer is dropped; the stream goes on.
//
// Thread-safe as pipeline.h says.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "client/client.h"
#include "client/pipeline.h"
#include "grpcpp/client_context.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/support/async_stream.h"

namespace adscore::client {

class StreamPipeline final : public Pipeline {
 public:
  // At most `capacity` requests in flight. `client` must outlive the pipeline.
  StreamPipeline(Client* client, size_t capacity);
  ~StreamPipeline() override;

  void Start(uint64_t id, const v1::PredictRequest& request) override;
  void Close() override;
  bool Next(absl::FunctionRef<void(const Answer&)> take) override;

 private:
  using Time = std::chrono::system_clock::time_point;  // what gRPC takes deadlines in
  using Stream = grpc::ClientAsyncReaderWriter<v1::PredictStreamRequest, v1::PredictStreamResponse>;

  // One request. The memory of its message is used again.
  struct Slot {
    uint64_t id = 0;       // the caller's
    uint64_t wire_id = 0;  // PredictStreamRequest.request_id, different for every request; 0: not in flight
    v1::PredictStreamRequest message;
  };
  struct Expiry {
    uint64_t wire_id;
    Time deadline;
  };
  struct Lost {
    uint64_t id;  // the caller's
    grpc::Status status;
  };

  // Of the thread that takes answers. True if `take` was called.
  bool Handle(void* tag, bool ok, absl::FunctionRef<void(const Answer&)> take);
  bool HandOut(absl::FunctionRef<void(const Answer&)> take);
  void FailExpired();

  // All of these with mutex_ held.
  Slot* Find(uint64_t wire_id);  // nullptr if it is not in flight (any more)
  void Free(Slot* slot);
  void Open();
  void WriteNext();
  void FinishIfOver();
  void EndIfIdle();
  void FailAll(const grpc::Status& status);
  Time NextDeadline();

  Client* const client_;
  const uint32_t timeout_us_;
  grpc::CompletionQueue queue_;

  // Of the thread that takes answers.
  std::deque<Lost> lost_;               // failed without an answer of their own, to be handed out
  v1::PredictStreamResponse incoming_;  // being read
  v1::PredictStreamResponse answer_;    // being handed out
  grpc::Status final_status_;           // of the stream

  std::mutex mutex_;
  std::condition_variable freed_;
  // Guarded by mutex_, but for the message of a slot that is neither free nor in flight: Start fills it.
  std::vector<Slot> slots_;
  std::vector<Slot*> free_;
  uint64_t started_ = 0;            // requests so far
  std::deque<uint64_t> unsent_;     // wire ids in order; some may have expired
  std::deque<Expiry> by_deadline_;  // all in flight, soonest first; some may be answered
  std::optional<grpc::ClientContext> context_;
  std::unique_ptr<Stream> stream_;  // null: none is open
  bool writable_ = false;           // the stream takes requests
  bool writing_ = false;            // a Write or WritesDone is outstanding
  bool reading_ = false;            // a Read is outstanding
  bool closed_ = false;
  bool shut_down_ = false;  // the queue
  Time end_by_{};           // closed and idle: when to stop waiting for the server to end the stream
};

}  // namespace adscore::client

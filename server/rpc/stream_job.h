// One request of a PredictStream, over and over: its memory is kept.
//
// Not thread-safe: belongs to one serving loop, and to one stream at a time.
#pragma once

#include "adscore/v1/prediction_service.pb.h"
#include "server/rpc/message_arena.h"
#include "server/rpc/request_job.h"

namespace adscore::server {

class StreamCall;

class StreamJob final : public RequestJob {
 public:
  explicit StreamJob(ServingLoop* loop) : RequestJob(loop) {}

  // For a message of `stream`: where to read it into.
  v1::PredictStreamRequest* Prepare(StreamCall* stream);

  // The message has been read. The stream gets the job back, with Deliver, when response() holds the answer.
  void Enqueue();

  const v1::PredictStreamResponse& response() const { return *response_; }
  using RequestJob::EndUnderWay;

 private:
  void End(const grpc::Status& status, const ServedModel* served) override;

  StreamCall* stream_ = nullptr;
  MessageArena arena_;  // request_ and response_ live in it
  v1::PredictStreamRequest* request_ = nullptr;
  v1::PredictStreamResponse* response_ = nullptr;
};

}  // namespace adscore::server

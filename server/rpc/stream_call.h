// One PredictStream, from being posted to a completion queue until gRPC is done with it: reads requests, has
// them queued as jobs of their own, and writes the answers in the order in which they are ready.
//
// Not thread-safe: belongs to the serving loop that posts it.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "adscore/v1/prediction_service.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "server/rpc/completion_tag.h"

namespace adscore::server {

class ServingLoop;
class StreamJob;

class StreamCall {
 public:
  explicit StreamCall(ServingLoop* loop) : loop_(loop) {}

  // Waits for a stream to arrive. The loop gets this object back, with Recycle, when the stream is over.
  void Post();

  // Ends the stream, once what it has read is answered, if the server drains.
  void Update();

  // `job` has its answer.
  void Deliver(StreamJob* job);

  std::chrono::system_clock::time_point deadline() const { return context_->deadline(); }

 private:
  void OnArrived(bool ok);
  void OnRead(bool ok);
  void OnWritten(bool ok);
  void OnFinished(bool ok);
  void OnDone(bool ok);
  void ReadNext();
  void WriteNext();
  void Forget(StreamJob* job);
  void EndIfOver();

  ServingLoop* const loop_;
  MemberTag<StreamCall> arrived_{this, &StreamCall::OnArrived};
  MemberTag<StreamCall> read_{this, &StreamCall::OnRead};
  MemberTag<StreamCall> written_{this, &StreamCall::OnWritten};
  MemberTag<StreamCall> finished_{this, &StreamCall::OnFinished};
  MemberTag<StreamCall> done_{this, &StreamCall::OnDone};

  // Of the present stream.
  std::optional<grpc::ServerContext> context_;
  std::optional<grpc::ServerAsyncReaderWriter<v1::PredictStreamResponse, v1::PredictStreamRequest>> stream_;
  std::vector<StreamJob*> jobs_;     // read, and the answer not written yet
  std::deque<StreamJob*> answered_;  // those of them whose answer is there; the first is being written
  StreamJob* reading_ = nullptr;     // gRPC reads into it
  bool is_open_ = false;             // has arrived, and may be read from
  bool is_half_closed_ = false;      // the caller sends no more
  bool is_writing_ = false;          // gRPC takes one message at a time
  bool is_ending_ = false;           // gRPC has been told how the stream ended
  bool is_finished_ = false;         // gRPC has taken the end
  bool is_done_ = false;             // gRPC has let go of the stream
};

}  // namespace adscore::server

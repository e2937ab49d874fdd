// One Health.Watch stream, from being posted to a completion queue until gRPC is done with it: says how a
// name is, and again whenever that has changed.
//
// Not thread-safe: belongs to the serving loop that posts it.
#pragma once

#include <optional>

#include "grpc/health/v1/health.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "server/rpc/completion_tag.h"

namespace adscore::server {

class ServingLoop;

class WatchCall {
 public:
  explicit WatchCall(ServingLoop* loop) : loop_(loop) {}

  // Waits for a stream to arrive. The loop gets this object back, with Recycle, when the stream is over.
  void Post();

  // Something may have changed: says so if it has. Ends the stream if the server drains.
  void Update();

 private:
  using Response = grpc::health::v1::HealthCheckResponse;

  void OnArrived(bool ok);
  void OnWritten(bool ok);
  void OnFinished(bool ok);
  void OnDone(bool ok);
  void Finish(const grpc::Status& status);
  void RecycleIfOver();

  ServingLoop* const loop_;
  MemberTag<WatchCall> arrived_{this, &WatchCall::OnArrived};
  MemberTag<WatchCall> written_{this, &WatchCall::OnWritten};
  MemberTag<WatchCall> finished_{this, &WatchCall::OnFinished};
  MemberTag<WatchCall> done_{this, &WatchCall::OnDone};

  // Of the present stream.
  grpc::health::v1::HealthCheckRequest request_;
  std::optional<grpc::ServerContext> context_;
  std::optional<grpc::ServerAsyncWriter<Response>> writer_;
  std::optional<Response::ServingStatus> told_;
  bool is_open_ = false;      // has arrived and has not been ended by us
  bool is_writing_ = false;   // gRPC takes one message at a time
  bool is_finished_ = false;  // gRPC has taken the end
  bool is_done_ = false;      // gRPC has let go of the stream
};

}  // namespace adscore::server

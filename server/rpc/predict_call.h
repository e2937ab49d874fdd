// One Predict call, from being posted to a completion queue until gRPC is done with it, over and over: the
// memory of request and response, the context and the responder are kept and made anew in place.
//
// Not thread-safe: belongs to the serving loop that posts it.
#pragma once

#include <optional>

#include "adscore/v1/prediction_service.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "server/rpc/completion_tag.h"
#include "server/rpc/message_arena.h"
#include "server/rpc/request_job.h"

namespace adscore::server {

class PredictCall final : public RequestJob {
 public:
  explicit PredictCall(ServingLoop* loop) : RequestJob(loop) {}

  // Waits for a call to arrive. The loop gets this object back, with Recycle, when the call is over.
  void Post();

 private:
  void OnArrived(bool ok);
  void OnFinished(bool ok);
  void OnDone(bool ok);
  void RecycleIfOver();
  void End(const grpc::Status& status, const ServedModel* served) override;

  MemberTag<PredictCall> arrived_{this, &PredictCall::OnArrived};
  MemberTag<PredictCall> finished_{this, &PredictCall::OnFinished};
  MemberTag<PredictCall> done_{this, &PredictCall::OnDone};

  // Of the present call.
  MessageArena arena_;  // request_ and response_ live in it
  v1::PredictRequest* request_ = nullptr;
  v1::PredictResponse* response_ = nullptr;
  std::optional<grpc::ServerContext> context_;
  std::optional<grpc::ServerAsyncResponseWriter<v1::PredictResponse>> responder_;
  bool is_finished_ = false;  // gRPC has taken the answer
  bool is_done_ = false;      // gRPC has let go of the call
};

}  // namespace adscore::server

// One unary call that is scored, from being posted to a completion queue until gRPC is done with it, over and
// over: the memory of request and response, the context and the responder are kept and made anew in place.
// The same for every protocol: what differs is the job.
//
// Not thread-safe: belongs to the serving loop that posts it.
#pragma once

#include <optional>

#include "grpcpp/grpcpp.h"
#include "server/rpc/call_memory.h"
#include "server/rpc/completion_tag.h"
#include "server/rpc/infer_job.h"
#include "server/rpc/request_job.h"
#include "server/rpc/tensorflow_job.h"

namespace adscore::server {

// Job: a ScoringJob with the types Request and Response, the constant kMethod, and Begin.
template <typename Job>
class ScoringCall final : public Job {
 public:
  using Request = typename Job::Request;
  using Response = typename Job::Response;

  explicit ScoringCall(ServingLoop* loop) : Job(loop) {}

  // Waits for a call to arrive. The loop gets this object back, with Recycle, when the call is over.
  void Post();

 private:
  void OnArrived(bool ok);
  void OnFinished(bool ok);
  void OnDone(bool ok);
  void RecycleIfOver();
  void End(const grpc::Status& status, const ServedModel* served) override;

  using Job::loop_;
  MemberTag<ScoringCall> arrived_{this, &ScoringCall::OnArrived};
  MemberTag<ScoringCall> finished_{this, &ScoringCall::OnFinished};
  MemberTag<ScoringCall> done_{this, &ScoringCall::OnDone};

  // Of the present call.
  CallMemory<Request, Response> memory_;
  std::optional<grpc::ServerContext> context_;
  std::optional<grpc::ServerAsyncResponseWriter<Response>> responder_;
  bool is_finished_ = false;  // gRPC has taken the answer
  bool is_done_ = false;      // gRPC has let go of the call
};

using PredictCall = ScoringCall<RequestJob>;
using InferCall = ScoringCall<InferJob>;
using TensorFlowCall = ScoringCall<TensorFlowJob>;

}  // namespace adscore::server

// One Predict call, from being posted to a completion queue until gRPC is done with it, over and over: the
// memory of request and response, the context and the responder are kept and made anew in place.
//
// Not thread-safe: belongs to the serving loop that posts it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "adscore/v1/prediction_service.grpc.pb.h"
#include "google/protobuf/arena.h"
#include "grpcpp/grpcpp.h"
#include "server/rpc/codec.h"
#include "server/rpc/completion_tag.h"
#include "server/serving/impression_job.h"

namespace adscore::server {

class ServingLoop;

class PredictCall final : public ImpressionJob {
 public:
  explicit PredictCall(ServingLoop* loop);

  // Waits for a call to arrive. The loop gets this object back, with Recycle, when the call is over.
  void Post();

  std::optional<Refusal> Decode(const ServedModel& served, model::Impression* impression) override;
  void Answer(const ServedModel& served, std::span<const float> probabilities) override;
  void Refuse(Refusal refusal, const ServedModel* served) override;

 private:
  void OnArrived(bool ok);
  void OnFinished(bool ok);
  void OnDone(bool ok);
  void EndIfOver();
  void Finish(const grpc::Status& status, const ServedModel* served);

  ServingLoop* const loop_;
  MemberTag<PredictCall> arrived_{this, &PredictCall::OnArrived};
  MemberTag<PredictCall> finished_{this, &PredictCall::OnFinished};
  MemberTag<PredictCall> done_{this, &PredictCall::OnDone};

  const std::unique_ptr<char[]> arena_block_;
  google::protobuf::Arena arena_;  // request_ and response_ live in it

  // Of the present call.
  v1::PredictRequest* request_ = nullptr;
  v1::PredictResponse* response_ = nullptr;
  std::optional<grpc::ServerContext> context_;
  std::optional<grpc::ServerAsyncResponseWriter<v1::PredictResponse>> responder_;
  bool is_finished_ = false;  // gRPC has taken the answer
  bool is_done_ = false;      // gRPC has let go of the call
  bool is_counted_ = false;   // as under way: it arrived before the drain began

  RequestDecoder decoder_;
};

}  // namespace adscore::server

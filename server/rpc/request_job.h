// A PredictRequest as the batcher sees it, whichever way it came: decoded when its turn comes, answered with
// a PredictResponse or a status.
//
// Not thread-safe: belongs to one serving loop.
#pragma once

#include <optional>
#include <span>

#include "adscore/v1/prediction_service.pb.h"
#include "grpcpp/support/status.h"
#include "server/rpc/codec.h"
#include "server/serving/impression_job.h"

namespace adscore::server {

class ServingLoop;

class RequestJob : public ImpressionJob {
 public:
  std::optional<Refusal> Decode(const ServedModel& served, model::Impression* impression) final;
  void Answer(const ServedModel& served, std::span<const float> probabilities) final;
  void Refuse(Refusal refusal, const ServedModel* served) final;

 protected:
  explicit RequestJob(ServingLoop* loop) : loop_(loop) {}

  // Queues the impression in `request`, or refuses it at once; counts it as under way until EndUnderWay.
  // `request` and `response` must live until then.
  void Begin(const v1::PredictRequest& request, v1::PredictResponse* response, Time now, Time until);
  void EndUnderWay();

  // `response` holds the answer if `status` is OK. `served`: as in Refuse.
  virtual void End(const grpc::Status& status, const ServedModel* served) = 0;

  ServingLoop* const loop_;

 private:
  const v1::PredictRequest* request_ = nullptr;
  v1::PredictResponse* response_ = nullptr;
  bool is_counted_ = false;  // as under way: it arrived before the drain began
  RequestDecoder decoder_;
};

}  // namespace adscore::server

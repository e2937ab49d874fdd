// A PredictRequest as the batcher sees it, whichever way it came: decoded when its turn comes, answered with
// a PredictResponse or a status.
//
// Not thread-safe: belongs to one serving loop.
#pragma once

#include <optional>
#include <span>

#include "adscore/v1/prediction_service.pb.h"
#include "server/metrics/server_metrics.h"
#include "server/rpc/codec.h"
#include "server/rpc/scoring_job.h"

namespace adscore::server {

class RequestJob : public ScoringJob {
 public:
  using Request = v1::PredictRequest;
  using Response = v1::PredictResponse;
  static constexpr Method kMethod = Method::kPredict;  // as a unary call

  std::optional<Refusal> Decode(const ServedModel& served, model::Impression* impression) final;
  void Answer(const ServedModel& served, std::span<const float> probabilities) final;

 protected:
  explicit RequestJob(ServingLoop* loop) : ScoringJob(loop) {}

  // Enqueues what is in `request`, which must live until EndUnderWay, as must `response`.
  void Begin(const v1::PredictRequest& request, v1::PredictResponse* response, Time now, Time until);

 private:
  const std::string& decode_message() const final { return decoder_.message(); }
  const char* rows_field() const final { return "candidate_count"; }

  const v1::PredictRequest* request_ = nullptr;
  v1::PredictResponse* response_ = nullptr;
  RequestDecoder decoder_;
};

}  // namespace adscore::server

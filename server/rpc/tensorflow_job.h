// A PredictRequest of TensorFlow Serving's as the batcher sees it.
//
// Not thread-safe: belongs to one serving loop.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "server/metrics/server_metrics.h"
#include "server/rpc/scoring_job.h"
#include "server/rpc/tensorflow_codec.h"
#include "tensorflow/serving/prediction_service.pb.h"

namespace adscore::server {

class TensorFlowJob : public ScoringJob {
 public:
  using Request = tensorflow::serving::PredictRequest;
  using Response = tensorflow::serving::PredictResponse;
  static constexpr Method kMethod = Method::kTensorFlowPredict;

  std::optional<Refusal> Decode(const ServedModel& served, model::Impression* impression) final;
  void Answer(const ServedModel& served, std::span<const float> probabilities) final;

 protected:
  explicit TensorFlowJob(ServingLoop* loop) : ScoringJob(loop) {}

  // As in RequestJob.
  void Begin(const Request& request, Response* response, Time now, Time until);

 private:
  const std::string& decode_message() const final { return invalid_.empty() ? decoder_.message() : invalid_; }
  const char* rows_field() const final { return "inputs"; }

  const Request* request_ = nullptr;
  Response* response_ = nullptr;
  std::string invalid_;  // what is wrong with the model_spec; empty: nothing
  TensorFlowDecoder decoder_;
};

}  // namespace adscore::server

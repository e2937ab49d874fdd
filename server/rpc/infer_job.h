// A ModelInferRequest as the batcher sees it.
//
// Not thread-safe: belongs to one serving loop.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "inference/grpc_inference_service.pb.h"
#include "server/metrics/server_metrics.h"
#include "server/rpc/infer_codec.h"
#include "server/rpc/scoring_job.h"

namespace adscore::server {

class InferJob : public ScoringJob {
 public:
  using Request = inference::ModelInferRequest;
  using Response = inference::ModelInferResponse;
  static constexpr Method kMethod = Method::kModelInfer;

  std::optional<Refusal> Decode(const ServedModel& served, model::Impression* impression) final;
  void Answer(const ServedModel& served, std::span<const float> probabilities) final;

 protected:
  explicit InferJob(ServingLoop* loop) : ScoringJob(loop) {}

  // As in RequestJob.
  void Begin(const Request& request, Response* response, Time now, Time until);

 private:
  const std::string& decode_message() const final { return invalid_.empty() ? decoder_.message() : invalid_; }
  const char* rows_field() const final { return "inputs"; }

  const Request* request_ = nullptr;
  Response* response_ = nullptr;
  std::string invalid_;  // what is wrong beside the tensors; empty: nothing
  InferDecoder decoder_;
};

}  // namespace adscore::server

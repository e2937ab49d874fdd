// A ModelInferRequest as the batcher sees it. Its bytes are read here, not by protobuf: see infer_request.h.
//
// Not thread-safe: belongs to one serving loop.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/slice.h"
#include "server/metrics/server_metrics.h"
#include "server/rpc/infer_codec.h"
#include "server/rpc/scoring_job.h"

namespace adscore::server {

class InferJob : public ScoringJob {
 public:
  using Request = grpc::ByteBuffer;   // a ModelInferRequest
  using Response = grpc::ByteBuffer;  // a ModelInferResponse
  static constexpr Method kMethod = Method::kModelInfer;

  std::optional<Refusal> Decode(const ServedModel& served, model::Impression* impression) final;
  void Answer(const ServedModel& served, std::span<const float> probabilities) final;

 protected:
  explicit InferJob(ServingLoop* loop) : ScoringJob(loop) {}

  // As in RequestJob.
  void Begin(const Request& bytes, Response* response, Time now, Time until);
  void EndUnderWay() {
    ScoringJob::EndUnderWay();
    bytes_ = {};
  }

 private:
  absl::Status ReadRequest(const Request& bytes);
  const std::string& decode_message() const final { return invalid_.empty() ? decoder_.message() : invalid_; }
  const char* rows_field() const final { return "inputs"; }

  grpc::Slice bytes_;  // what request_ views
  InferRequest request_;
  Response* response_ = nullptr;
  std::string invalid_;  // what is wrong beside the tensors; empty: nothing
  InferDecoder decoder_;
  MessageArena arena_;  // of the answer
};

}  // namespace adscore::server

// Between TensorFlow Serving's messages and the model: a PredictRequest of theirs as an impression,
// probabilities as their PredictResponse. What its tensors may be is tensor_features.h's business;
// docs/interop.md tells callers.
//
// Not thread-safe: one decoder per call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "model/raw_columns.h"
#include "model/snapshot.h"
#include "server/refusal.h"
#include "server/rpc/tensor_features.h"
#include "server/rpc/tensor_view.h"
#include "server/serving/model_choice.h"
#include "tensorflow/serving/model_spec.pb.h"
#include "tensorflow/serving/prediction_service.pb.h"

namespace adscore::server {

// Which model `spec` means, as a view of it. InvalidArgument for a version below 1 or a signature that is not
// the default one; `*wanted` is filled in as far as it could be read.
absl::Status ParseModelSpec(const tensorflow::serving::ModelSpec& spec, Wanted* wanted);

// The candidates that a request asks to be scored, as far as can be told before its model is known: the
// largest first dimension; at least 1.
size_t RequestedRows(const tensorflow::serving::PredictRequest& request);

class TensorFlowDecoder {
 public:
  // As InferDecoder::Decode.
  std::optional<Refusal> Decode(const tensorflow::serving::PredictRequest& request,
                                const model::Snapshot& snapshot, model::Impression* impression);

  const std::string& message() const { return message_; }
  // After Decode: the heads that the answer has.
  std::span<const size_t> heads() const { return heads_; }

  // Gives memory back that only an unusually large request needs.
  void Trim() { decoder_.Trim(); }

 private:
  absl::Status ReadTensors(const tensorflow::serving::PredictRequest& request);

  std::string message_;
  std::vector<int64_t> shape_;
  std::vector<TensorView> tensors_;
  std::vector<size_t> heads_;
  TensorDecoder decoder_;
};

// probabilities: [rows][all heads of `snapshot`]; the answer has one tensor [rows, 1] for each of `heads`.
void EncodeTensorFlowResponse(const std::string& model, int64_t version, const model::Snapshot& snapshot,
                              std::span<const float> probabilities, std::span<const size_t> heads,
                              tensorflow::serving::PredictResponse* response);

}  // namespace adscore::server

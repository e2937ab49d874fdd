// Between the Open Inference Protocol and the model: a ModelInferRequest as an impression, probabilities as a
// ModelInferResponse. What its tensors may be is tensor_features.h's business; docs/interop.md tells callers.
//
// Not thread-safe: one decoder per call.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "inference/grpc_inference_service.pb.h"
#include "model/raw_columns.h"
#include "model/snapshot.h"
#include "server/refusal.h"
#include "server/rpc/infer_request.h"
#include "server/rpc/tensor_features.h"
#include "server/rpc/tensor_view.h"

namespace adscore::server {

// What a request says beside its tensors. Views of the request.
struct InferOptions {
  int64_t version = 0;
  std::string_view label{};
  std::string_view key{};
  std::chrono::microseconds timeout{0};  // from its arrival; 0: none
};

// A version as the protocol writes it: a number, or empty for 0. InvalidArgument for anything else.
absl::Status ParseModelVersion(std::string_view text, int64_t* version);

// InvalidArgument for a version that is no number, or a parameter of ours that is not what it should be.
// `*options` is filled in as far as it could be read.
absl::Status ParseInferOptions(const InferRequest& request, InferOptions* options);

// The candidates that a request asks to be scored, as far as can be told before its model is known: the
// largest first dimension; at least 1.
size_t RequestedRows(const InferRequest& request);

class InferDecoder {
 public:
  // Checks `request` against the model and makes `*impression` a view of it, valid as long as the request and
  // until the next call. Otherwise kInvalid, and message() says which input and what was expected.
  std::optional<Refusal> Decode(const InferRequest& request, const model::Snapshot& snapshot,
                                model::Impression* impression);

  const std::string& message() const { return message_; }
  // After Decode: the heads that the answer has, in its order.
  std::span<const size_t> heads() const { return heads_; }

  // Gives memory back that only an unusually large request needs.
  void Trim() { decoder_.Trim(); }

 private:
  absl::Status ReadTensors(const InferRequest& request);
  absl::Status ReadHeads(const InferRequest& request, const model::Snapshot& snapshot);

  std::string message_;
  std::vector<TensorView> tensors_;
  std::vector<size_t> heads_;
  TensorDecoder decoder_;
};

// probabilities: [rows][all heads of `snapshot`]; the answer has one tensor [rows, 1] for each of `heads`, in
// the form, raw or not, that the request's inputs had.
void EncodeInferResponse(const InferRequest& request, const std::string& model, int64_t version,
                         const model::Snapshot& snapshot, std::span<const float> probabilities,
                         std::span<const size_t> heads, inference::ModelInferResponse* response);

}  // namespace adscore::server

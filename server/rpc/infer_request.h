// A ModelInferRequest as views of its bytes. A client sends a tensor for each feature, so a request for one
// candidate may have dozens of them with a number in each: protobuf's objects for them cost ten times what
// Predict's decoding does. What is rare (typed contents, parameters) is left to protobuf.
//
// Not thread-safe: one per call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "inference/grpc_inference_service.pb.h"
#include "server/rpc/message_arena.h"
#include "server/rpc/wire_reader.h"

namespace adscore::server {

class InferRequest {
 public:
  struct Input {
    std::string_view name{};
    std::string_view datatype{};
    // The same input as protobuf reads it; null unless it has contents or parameters.
    const inference::ModelInferRequest::InferInputTensor* message = nullptr;
    size_t first_dimension = 0;  // for Shape
    size_t dimensions = 0;
  };
  struct Output {
    std::string_view name{};
    // As in Input; null unless it has parameters.
    const inference::ModelInferRequest::InferRequestedOutputTensor* message = nullptr;
  };

  // `bytes` must outlive what is read. What protobuf would refuse is InvalidArgument, and so are groups; then
  // the request is empty.
  absl::Status Read(std::string_view bytes);

  std::string_view model_name() const { return model_name_; }
  std::string_view model_version() const { return model_version_; }
  std::string_view id() const { return id_; }
  std::span<const Input> inputs() const { return inputs_; }
  std::span<const int64_t> Shape(const Input& input) const {
    return std::span(shapes_).subspan(input.first_dimension, input.dimensions);
  }
  std::span<const Output> outputs() const { return outputs_; }
  std::span<const std::string_view> raw_input_contents() const { return raw_; }
  // A message with the request's parameters and nothing else; null: it has none.
  const inference::ModelInferRequest* parameters() const { return parameters_; }

  // Gives memory back that only an unusually large request needs.
  void Trim();

 private:
  void Clear();
  bool ReadField(const WireReader::Field& field);
  bool ReadInput(std::string_view bytes);
  bool ReadOutput(std::string_view bytes);
  bool ReadDimensions(const WireReader::Field& field, Input* input);
  bool ReadParameters();

  std::string_view model_name_;
  std::string_view model_version_;
  std::string_view id_;
  std::vector<Input> inputs_;
  std::vector<int64_t> shapes_;  // of all inputs, one after the other
  std::vector<Output> outputs_;
  std::vector<std::string_view> raw_;
  std::string parameter_fields_;
  const inference::ModelInferRequest* parameters_ = nullptr;
  MessageArena arena_;  // of the messages
};

}  // namespace adscore::server

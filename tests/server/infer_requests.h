// The Open Inference Protocol's requests, for tests: tensors from plain values.
//
// Thread-safe: functions.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "inference/grpc_inference_service.pb.h"

namespace adscore::server {

inline inference::ModelInferRequest::InferInputTensor* AddInput(const std::string& name,
                                                                const std::string& datatype,
                                                                const std::vector<int64_t>& shape,
                                                                inference::ModelInferRequest* request) {
  auto* input = request->add_inputs();
  input->set_name(name);
  input->set_datatype(datatype);
  input->mutable_shape()->Add(shape.begin(), shape.end());
  return input;
}

template <typename T>
std::string RawNumbers(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

inline std::string RawStrings(const std::vector<std::string>& values) {
  std::string bytes;
  for (const std::string& value : values) {
    const auto length = static_cast<uint32_t>(value.size());
    bytes.append(reinterpret_cast<const char*>(&length), sizeof(length)).append(value);
  }
  return bytes;
}

// The impression of NamedRequest (rpc_fixture.h) in tensors.
inline inference::ModelInferRequest RawInferRequest() {
  inference::ModelInferRequest request;
  request.set_model_name("ads");
  AddInput("hour", "FP32", {1}, &request);
  request.add_raw_input_contents(RawNumbers<float>({13}));
  AddInput("site", "BYTES", {1, 1}, &request);
  request.add_raw_input_contents(RawStrings({"site1"}));
  AddInput("interests", "BYTES", {1, 2}, &request);
  request.add_raw_input_contents(RawStrings({"tag1", "tag4"}));
  AddInput("bid", "FP32", {3}, &request);
  request.add_raw_input_contents(RawNumbers<float>({0.5F, 1.5F, std::numeric_limits<float>::quiet_NaN()}));
  AddInput("ad", "BYTES", {3, 1}, &request);
  request.add_raw_input_contents(RawStrings({"ad1", "ad2", "ad3"}));
  AddInput("tags", "BYTES", {3}, &request);
  request.add_raw_input_contents(RawStrings({"tag2|tag3", "", ""}));
  return request;
}

inline inference::ModelInferRequest TypedInferRequest() {
  inference::ModelInferRequest request;
  request.set_model_name("ads");
  AddInput("ad", "BYTES", {3}, &request);
  for (const char* ad : {"ad1", "ad2", "ad3"})
    request.mutable_inputs(0)->mutable_contents()->add_bytes_contents(ad);
  AddInput("bid", "FP64", {3, 1}, &request);
  for (const double bid : {0.5, 1.5, std::numeric_limits<double>::quiet_NaN()}) {
    request.mutable_inputs(1)->mutable_contents()->add_fp64_contents(bid);
  }
  AddInput("tags", "BYTES", {3, 2}, &request);
  for (const char* tag : {"tag2", "tag3", "", "", "", ""}) {
    request.mutable_inputs(2)->mutable_contents()->add_bytes_contents(tag);
  }
  AddInput("hour", "INT16", {3}, &request);  // the same for all candidates
  for (int i = 0; i < 3; ++i) request.mutable_inputs(3)->mutable_contents()->add_int_contents(13);
  AddInput("site", "BYTES", {}, &request)->mutable_contents()->add_bytes_contents("site1");
  AddInput("interests", "BYTES", {1}, &request)->mutable_contents()->add_bytes_contents("tag1|tag4");
  return request;
}

}  // namespace adscore::server

// The Open Inference Protocol's messages in JSON, as its REST variant writes them.
//
// Thread-safe: pure functions.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "inference/grpc_inference_service.pb.h"

namespace adscore::server {

// {"id"?, "parameters"?: {name: value}, "inputs": [{"name", "datatype", "shape": [N, …], "data": [values,
// nested or flat]}], "outputs"?: [{"name"}]}. null among the data is a missing value. Other keys are left
// unread. InvalidArgument, saying where, for anything that is not this; what the tensors mean is not checked
// here.
absl::Status InferRequestFromJson(const std::string& json, inference::ModelInferRequest* request);

std::string InferResponseToJson(const inference::ModelInferResponse& response);
std::string ServerMetadataToJson(const inference::ServerMetadataResponse& response);
std::string ModelMetadataToJson(const inference::ModelMetadataResponse& response);

}  // namespace adscore::server

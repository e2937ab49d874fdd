// What the Open Inference Protocol and Triton's extensions of it say of a model.
//
// Thread-safe: pure functions.
#pragma once

#include <cstddef>

#include "inference/grpc_inference_service.pb.h"
#include "server/registry.h"

namespace adscore::server {

// The tensors that ModelInfer takes and gives: one input of all features where they are all numbers,
// otherwise one per feature; one output per head. `versions`: those of the same model.
void DescribeMetadata(const ServedModel& served, const ModelVersions& versions,
                      inference::ModelMetadataResponse* response);

// The same, with what Triton's tools want to know beside it. `max_rows`: candidates of one request.
void DescribeConfig(const ServedModel& served, size_t max_rows, inference::ModelConfig* config);

// What the model has done since the server began.
void DescribeStatistics(const ServedModel& served, inference::ModelStatistics* statistics);

}  // namespace adscore::server

// How the server, its services and its models are, by the names of grpc.health.v1.
//
// Thread-safe: pure function.
#pragma once

#include <string_view>

#include "grpc/health/v1/health.pb.h"
#include "server/registry.h"

namespace adscore::server {

// SERVING or NOT_SERVING for
//   "", adscore.v1.PredictionService, inference.GRPCInferenceService, tensorflow.serving.PredictionService
//                                  some model serves
//   adscore.v1.ModelService, tensorflow.serving.ModelService
//                                  always: they also tell why nothing serves
//   a model under the model root   one of its versions serves
// and SERVICE_UNKNOWN for any other name. While the server drains, NOT_SERVING for all that it knows.
grpc::health::v1::HealthCheckResponse::ServingStatus HealthOf(std::string_view name, const Registry& registry,
                                                              bool leaving);

}  // namespace adscore::server

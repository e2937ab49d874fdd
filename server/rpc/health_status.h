// How the server, its services and its models are, by the names of grpc.health.v1.
//
// Thread-safe: pure function.
#pragma once

#include <string_view>

#include "grpc/health/v1/health.pb.h"
#include "server/registry.h"

namespace adscore::server {

// SERVING or NOT_SERVING for
//   "" and adscore.v1.PredictionService   some model serves
//   adscore.v1.ModelService               always: it also tells why nothing serves
//   a model under the model root          one of its versions serves
// and SERVICE_UNKNOWN for any other name. While the server drains, NOT_SERVING for all that it knows.
grpc::health::v1::HealthCheckResponse::ServingStatus HealthOf(std::string_view name, const Registry& registry,
                                                              bool leaving);

}  // namespace adscore::server

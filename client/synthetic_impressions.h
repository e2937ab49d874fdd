// Impressions drawn at random for a schema, for load without a log. Their values mean nothing: numbers from a
// normal distribution, tokens that no model has seen, a few values missing.
//
// Thread-safe: pure function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "adscore/v1/prediction_service.pb.h"
#include "client/model_schema.h"

namespace adscore::client {

// `count` requests with `candidates` candidates each; the same for the same seed.
std::vector<v1::PredictRequest> DrawImpressions(const ModelSchema& schema, size_t count, size_t candidates,
                                                uint64_t seed);

}  // namespace adscore::client

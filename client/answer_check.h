// Are the answers under load the very ones that a server at rest gives?
//
// Thread-safe: functions.
#pragma once

#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "client/client.h"

namespace adscore::client {

// What the server answers to each of `requests`, asked one after the other. The first failure otherwise.
absl::StatusOr<std::vector<v1::PredictResponse>> FetchAnswers(Client* client,
                                                              std::span<const v1::PredictRequest> requests);

// The same probabilities, bit for bit. Answers of two versions can't be compared: always true.
bool Agree(const v1::PredictResponse& a, const v1::PredictResponse& b);

}  // namespace adscore::client

// Are the answers under load the very ones that a server at rest gives?
//
// Thread-safe: functions.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "client/client.h"

namespace adscore::client {

// What the server answers to each of `requests`, asked one after the other. The first failure otherwise.
absl::StatusOr<std::vector<v1::PredictResponse>> FetchAnswers(Client* client,
                                                              std::span<const v1::PredictRequest> requests);

struct Difference {
  bool differs = false;  // in one bit at least, or in shape
  double largest = 0;    // |difference| of two probabilities; where the shapes differ, of none
};

// Between the probabilities of two answers. Nothing if two versions gave them: those can't be compared.
std::optional<Difference> FindDifference(const v1::PredictResponse& a, const v1::PredictResponse& b);

// The same probabilities, bit for bit, as far as they can be compared.
bool Agree(const v1::PredictResponse& a, const v1::PredictResponse& b);

}  // namespace adscore::client

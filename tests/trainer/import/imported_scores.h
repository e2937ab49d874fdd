// What an imported model says of a row, for tests of the importers.
//
// Thread-safe: pure functions.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "data/cell.h"
#include "model/model.h"

namespace adscore::trainer::testing {

// The first head's probability of one row of candidates.
inline float Score(const model::Snapshot& snapshot, const std::vector<float>& numeric,
                   const std::vector<std::string>& tokens = {}) {
  std::vector<uint64_t> hashes;
  for (const std::string& token : tokens) hashes.push_back(data::TokenHash(token));
  const model::RawColumns none = {
      .rows = 1, .numeric = {}, .categorical = {}, .multi_count = {}, .multi = {}};
  const model::RawColumns row = {
      .rows = 1, .numeric = numeric, .categorical = hashes, .multi_count = {}, .multi = {}};
  std::vector<float> probabilities(snapshot.heads.size());
  model::ReferenceScore(snapshot, none, row, probabilities.data());
  return probabilities[0];
}

inline double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace adscore::trainer::testing

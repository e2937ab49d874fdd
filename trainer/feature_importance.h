// How much a model leans on each feature: by how much its log loss grows when the feature's values are
// shuffled among the rows, so that they say nothing any more (L. Breiman, 2001). Features that say the same
// share their importance: each alone seems to matter less than both do.
//
// Thread-safe: pure function. Deterministic for any number of threads.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/model.h"
#include "trainer/dataset.h"

namespace adscore::trainer {

inline constexpr size_t kMostShuffledRows = 20'000;

struct FeatureImportance {
  size_t feature = 0;            // in schema order
  std::vector<double> increase;  // by head: of the log loss, mean over the shuffles; below 0 by chance
};

// Over `rows` of `data`, which ascend, at most kMostShuffledRows evenly spread ones of them, with 3 shuffles.
// By falling increase of the heads' sum. The errors are those of reading a cache.
absl::StatusOr<std::vector<FeatureImportance>> PermutationImportance(const model::Model& model,
                                                                     const Dataset& data,
                                                                     std::span<const uint32_t> rows,
                                                                     size_t threads);

}  // namespace adscore::trainer

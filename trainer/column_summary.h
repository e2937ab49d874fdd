// What each feature's column looks like in the rows that a report is about, and how it fits the snapshot's
// encoders.
//
// Thread-safe: pure function over constant data.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "model/snapshot.h"
#include "trainer/dataset.h"

namespace adscore::trainer {

inline constexpr std::array<double, 5> kSummaryQuantiles = {0, 0.25, 0.5, 0.75, 1};

struct ColumnSummary {
  double missing = 0;             // share of the rows
  uint64_t different = 0;         // numbers or tokens
  uint64_t vocabulary = 0;        // tokens with an embedding of their own; 0 for a number
  std::optional<double> unknown;  // share of the present tokens that training never saw, or too rarely
  std::optional<std::array<float, 5>> quantiles;  // of numbers, at kSummaryQuantiles
};

// One entry per feature, over `rows` of `data`, which ascend; its schema is the snapshot's. The errors are
// those of reading a cache.
absl::StatusOr<std::vector<ColumnSummary>> SummarizeColumns(const model::Snapshot& snapshot,
                                                            const Dataset& data,
                                                            std::span<const uint32_t> rows);

}  // namespace adscore::trainer

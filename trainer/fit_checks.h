// What is looked at before a fit begins: that its labels can be learnt in each part of the rows, and that its
// options go together.
//
// Thread-safe: pure functions over constant data.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "trainer/dataset.h"
#include "trainer/fit.h"
#include "trainer/split.h"

namespace adscore::trainer {

// `labels` are one head's, of all rows.
uint64_t Positives(const std::vector<uint8_t>& labels, std::span<const uint32_t> rows);
// Rows whose label is known.
uint64_t Known(const std::vector<uint8_t>& labels, std::span<const uint32_t> rows);

// InvalidArgument if a label is the same in all rows to train on, or if all rows of a part are too young for
// it. `notices` gets what a part without positives makes of the figures.
absl::Status CheckTrainingLabels(const Dataset& data, const Split& split, const FitOptions& options,
                                 std::vector<std::string>* notices);

absl::Status CheckBatchNorm(const TrainingOptions& training);

// [heads]; empty if all are 1. InvalidArgument for a head that is not there.
absl::StatusOr<std::vector<float>> PositiveWeightsByHead(const std::vector<PositiveWeight>& weights,
                                                         const std::vector<model::Label>& labels);

}  // namespace adscore::trainer

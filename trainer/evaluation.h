// Scores a log with the very model and kernels that a server uses, and says how good the scores are.
//
// Thread-safe: pure functions over constant data.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "model/model.h"
#include "trainer/dataset.h"
#include "trainer/metrics.h"

namespace adscore::trainer {

// Calibrated probabilities of rows of `data`, whose schema must be the model's: [rows][heads], in the order
// given. With a cache the rows must ascend; the errors are those of reading it.
absl::StatusOr<std::vector<float>> ScoreRows(const model::Model& model, const Dataset& data,
                                             std::span<const uint32_t> rows);

// The figures of each head over the same rows. `data` must have labels for all heads.
std::vector<HeadFigures> FiguresByHead(const Dataset& data, std::span<const uint32_t> rows,
                                       std::span<const float> probabilities);

}  // namespace adscore::trainer

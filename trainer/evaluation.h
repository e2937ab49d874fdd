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
// given. With a cache the rows must ascend; the errors are those of reading it. Neither the probabilities nor
// the figures below depend on the number of threads.
absl::StatusOr<std::vector<float>> ScoreRows(const model::Model& model, const Dataset& data,
                                             std::span<const uint32_t> rows, size_t threads = 1);

// One head's part of what ScoreRows gives, and the labels that belong to it: of the rows whose label is
// known.
struct HeadRows {
  std::vector<float> probabilities;
  std::vector<uint8_t> labels;
};
HeadRows RowsOfHead(const Dataset& data, std::span<const uint32_t> rows, std::span<const float> probabilities,
                    size_t head);

// The figures of each head over the same rows, with their intervals. `data` must have labels for all heads.
std::vector<HeadFigures> FiguresByHead(const Dataset& data, std::span<const uint32_t> rows,
                                       std::span<const float> probabilities, size_t threads = 1);

}  // namespace adscore::trainer

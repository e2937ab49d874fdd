// What a training step minimises: the cross-entropy of a row's heads, in which some rows and labels count for
// more than others, put right so that the logits are still those of the rows as they are.
//
// Thread-safe: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "trainer/dataset.h"
#include "trainer/entire_space.h"

namespace adscore::trainer {

// A row is negative if none of its labels is positive.
struct LossWeights {
  // Of a whole row. Where only some of the negative rows are trained on, each stands for those left out too.
  float row = 1;
  float negative_row = 1;
  // [heads], or empty for 1: of the loss of a positive label, on top. The cross-entropy is then taken of
  // logit + ln(weight): that is where the weighted rows' log-odds are if the logit is the plain rows'.
  std::vector<float> positives{};
  // Heads that follow others: their loss is that of the product.
  Chains chains{};
};

bool IsNegative(std::span<const uint8_t> labels);

// The loss of a row, and its slope by each logit. labels, logits, deltas: [heads]. A label that is not known
// has no part in it.
double LossOfRow(const LossWeights& weights, std::span<const float> logits, std::span<const uint8_t> labels,
                 float* deltas);

// Those of `rows`, which ascend, that are trained on if a negative row is kept with probability `rate`: drawn
// by seed and row, so that they are the same whatever else is in the log.
std::vector<uint32_t> KeepNegatives(const std::vector<std::vector<uint8_t>>& labels,
                                    std::span<const uint32_t> rows, double rate, uint64_t seed);

}  // namespace adscore::trainer

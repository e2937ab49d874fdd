// How good the probabilities of one head are, in the figures that people who buy and sell ads use.
//
// Thread-safe: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace adscore::trainer {

// Bins of ece: fine enough to see a bend, and enough rows in each to see little else.
inline constexpr size_t kEceBins = 20;

struct HeadFigures {
  uint64_t rows = 0;
  uint64_t positives = 0;
  double base_rate = 0;  // positives ÷ rows
  // Mean of -log p(what happened), natural logarithm; probabilities nearer than 1e-7 to 0 or 1 count as 1e-7
  // off.
  double log_loss = 0;
  // Expected calibration error: the rows in ascending order of probability, cut into kEceBins bins of alike
  // many rows; the mean over rows of |mean probability - share of positives| of the row's bin.
  double ece = 0;
  // Area under the ROC curve: how often a positive row has the higher probability than a negative one; ties
  // count half.
  std::optional<double> auc;  // nothing without both positives and negatives
  // Log loss ÷ that of always saying the base rate of these very rows (X. He et al., 2014). Below 1 is better
  // than that.
  std::optional<double> normalized_entropy;  // nothing without both
  // Sum of probabilities ÷ positives: 1 is right, 1.1 bids 10% too much.
  std::optional<double> calibration;  // nothing without positives
};

// `probabilities` and `labels` (1 = positive) have one entry per row.
HeadFigures ComputeFigures(std::span<const float> probabilities, std::span<const uint8_t> labels);

}  // namespace adscore::trainer

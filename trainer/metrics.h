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

struct Interval {
  double low = 0;
  double high = 0;

  bool operator==(const Interval&) const = default;
};

// Between which values each figure would lie if other rows had been drawn from the same source: 95%
// intervals, see bootstrap.h. Nothing for what the rows don't define.
struct FigureIntervals {
  std::optional<Interval> auc;
  std::optional<Interval> pr_auc;
  std::optional<Interval> log_loss;
  std::optional<Interval> normalized_entropy;
  std::optional<Interval> calibration;
  std::optional<Interval> ece;
};

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
  // Area under the precision-recall curve as the average precision: the mean over positive rows of the share
  // of positives among the rows that are at least as probable. Random order gives the base rate.
  std::optional<double> pr_auc;  // nothing without both
  // Log loss ÷ that of always saying the base rate of these very rows (X. He et al., 2014). Below 1 is better
  // than that.
  std::optional<double> normalized_entropy;  // nothing without both
  // Sum of probabilities ÷ positives: 1 is right, 1.1 bids 10% too much.
  std::optional<double> calibration;  // nothing without positives
  FigureIntervals intervals;          // empty unless they were asked for
};

// `probabilities` and `labels` (1 = positive) have one entry per row.
HeadFigures ComputeFigures(std::span<const float> probabilities, std::span<const uint8_t> labels);

// -log of the probability given to what happened; a probability nearer than 1e-7 to 0 or 1 counts as 1e-7
// off.
double LogLoss(float probability, bool positive);

// Log loss of always saying `rate` where that is the share of positives. 0 for 0 and 1.
double BinaryEntropy(double rate);

}  // namespace adscore::trainer

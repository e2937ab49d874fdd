// What the charts of a head show: its rows, brought down to a few hundred points.
//
// Thread-safe: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trainer/metrics.h"
#include "trainer/report/chart.h"

namespace adscore::trainer::report {

// Both curves by falling probability, for as many points as a screen can tell apart.
struct RankCurves {
  std::vector<Point> roc;               // share of negatives, share of positives, that are above
  std::vector<Point> precision_recall;  // share of positives that are above, share of them that are positive
};
RankCurves ComputeRankCurves(std::span<const float> probabilities, std::span<const uint8_t> labels);

// Rows of alike probability, alike many in each bin.
struct ReliabilityBin {
  uint64_t rows = 0;
  uint64_t positives = 0;
  double predicted = 0;  // mean probability
  double actual = 0;     // share of positives
  Interval interval;     // 95% of `actual`, by E. B. Wilson's score (1927), which holds for few positives too
};
std::vector<ReliabilityBin> ComputeReliability(std::span<const float> probabilities,
                                               std::span<const uint8_t> labels, size_t bins);

// The share of each class's rows whose probability lies in each bin of [0, high).
struct ScoreHistogram {
  double high = 1;  // the probability that all but one row in a thousand stay below
  std::vector<double> positives;
  std::vector<double> negatives;
};
ScoreHistogram ComputeHistogram(std::span<const float> probabilities, std::span<const uint8_t> labels,
                                size_t bins);

// The interval of a share of `positives` in `rows`.
Interval WilsonInterval(uint64_t positives, uint64_t rows);

}  // namespace adscore::trainer::report

#include "trainer/report/curves.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace adscore::trainer::report {
namespace {

constexpr size_t kMostPoints = 200;
constexpr double kZ = 1.959964;  // 95% of a normal distribution

std::vector<uint32_t> Descending(std::span<const float> probabilities) {
  std::vector<uint32_t> order(probabilities.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return probabilities[a] > probabilities[b]; });
  return order;
}

}  // namespace

RankCurves ComputeRankCurves(std::span<const float> probabilities, std::span<const uint8_t> labels) {
  RankCurves curves;
  double all_positives = 0;
  for (const uint8_t label : labels) all_positives += label;
  const double all_negatives = static_cast<double>(labels.size()) - all_positives;
  if (all_positives == 0 || all_negatives == 0) return curves;

  const std::vector<uint32_t> order = Descending(probabilities);
  double positives = 0;
  double negatives = 0;
  Point last;  // of the ROC curve
  curves.roc.push_back(last);
  for (size_t i = 0; i < order.size(); ++i) {
    positives += labels[order[i]];
    negatives += 1 - labels[order[i]];
    const bool end = i + 1 == order.size();
    if (!end && probabilities[order[i + 1]] == probabilities[order[i]]) continue;
    const Point here = {negatives / all_negatives, positives / all_positives};
    // A point whenever either curve has moved on by what a screen can show.
    if (!end && (here.x - last.x) + (here.y - last.y) < 2.0 / kMostPoints) continue;
    last = here;
    curves.roc.push_back(here);
    curves.precision_recall.push_back({here.y, positives / (positives + negatives)});
  }
  return curves;
}

Interval WilsonInterval(uint64_t positives, uint64_t rows) {
  if (rows == 0) return {0, 1};
  const auto n = static_cast<double>(rows);
  const double p = static_cast<double>(positives) / n;
  const double middle = (p + kZ * kZ / (2 * n)) / (1 + kZ * kZ / n);
  const double half = kZ * std::sqrt(p * (1 - p) / n + kZ * kZ / (4 * n * n)) / (1 + kZ * kZ / n);
  return {std::max(0.0, middle - half), std::min(1.0, middle + half)};
}

std::vector<ReliabilityBin> ComputeReliability(std::span<const float> probabilities,
                                               std::span<const uint8_t> labels, size_t bins) {
  const std::vector<uint32_t> order = Descending(probabilities);
  std::vector<ReliabilityBin> reliability;
  for (size_t bin = bins; bin-- > 0;) {
    ReliabilityBin of;
    for (size_t i = order.size() * bin / bins; i < order.size() * (bin + 1) / bins; ++i) {
      ++of.rows;
      of.positives += labels[order[i]];
      of.predicted += static_cast<double>(probabilities[order[i]]);
    }
    if (of.rows == 0) continue;
    of.predicted /= static_cast<double>(of.rows);
    of.actual = static_cast<double>(of.positives) / static_cast<double>(of.rows);
    of.interval = WilsonInterval(of.positives, of.rows);
    reliability.push_back(of);
  }
  return reliability;
}

ScoreHistogram ComputeHistogram(std::span<const float> probabilities, std::span<const uint8_t> labels,
                                size_t bins) {
  ScoreHistogram histogram;
  histogram.positives.resize(bins);
  histogram.negatives.resize(bins);
  if (probabilities.empty()) return histogram;
  std::vector<float> sorted(probabilities.begin(), probabilities.end());
  const size_t at = sorted.size() - 1 - sorted.size() / 1000;
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(at), sorted.end());
  histogram.high = std::max(1e-6, std::min(1.0, 1.02 * static_cast<double>(sorted[at])));
  double positives = 0;
  for (const uint8_t label : labels) positives += label;
  const double negatives = static_cast<double>(labels.size()) - positives;
  for (size_t i = 0; i < labels.size(); ++i) {
    const double share = static_cast<double>(probabilities[i]) / histogram.high;
    const size_t bin = std::min(bins - 1, static_cast<size_t>(share * static_cast<double>(bins)));
    if (labels[i] != 0) {
      histogram.positives[bin] += 1 / positives;
    } else {
      histogram.negatives[bin] += 1 / negatives;
    }
  }
  return histogram;
}

}  // namespace adscore::trainer::report

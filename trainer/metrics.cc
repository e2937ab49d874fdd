#include "trainer/metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace adscore::trainer {
namespace {

// The Mann-Whitney statistic by rank sums; tied rows share their mean rank.
double Auc(std::span<const float> probabilities, std::span<const uint8_t> labels,
           std::span<const uint32_t> ascending, uint64_t positives) {
  double positive_ranks = 0;
  for (size_t first = 0; first < ascending.size();) {
    size_t last = first;
    uint64_t tied_positives = 0;
    const float tied = probabilities[ascending[first]];
    while (last < ascending.size() && probabilities[ascending[last]] == tied) {
      tied_positives += labels[ascending[last]];
      ++last;
    }
    const double mean_rank = static_cast<double>(first + 1 + last) / 2;
    positive_ranks += mean_rank * static_cast<double>(tied_positives);
    first = last;
  }
  const auto p = static_cast<double>(positives);
  const auto n = static_cast<double>(ascending.size() - positives);
  return (positive_ranks - p * (p + 1) / 2) / (p * n);
}

double ExpectedCalibrationError(std::span<const float> probabilities, std::span<const uint8_t> labels,
                                std::span<const uint32_t> ascending) {
  const size_t rows = ascending.size();
  double error = 0;
  for (size_t bin = 0; bin < kEceBins; ++bin) {
    double excess = 0;  // probabilities minus positives, summed
    for (size_t i = rows * bin / kEceBins; i < rows * (bin + 1) / kEceBins; ++i) {
      excess += static_cast<double>(probabilities[ascending[i]]) - labels[ascending[i]];
    }
    error += std::abs(excess);
  }
  return error / static_cast<double>(rows);
}

}  // namespace

HeadFigures ComputeFigures(std::span<const float> probabilities, std::span<const uint8_t> labels) {
  HeadFigures figures;
  figures.rows = probabilities.size();
  if (probabilities.empty()) return figures;

  double sum = 0;
  double loss = 0;
  for (size_t i = 0; i < probabilities.size(); ++i) {
    figures.positives += labels[i];
    sum += probabilities[i];
    const double p = std::clamp(static_cast<double>(probabilities[i]), 1e-7, 1 - 1e-7);
    loss -= labels[i] != 0 ? std::log(p) : std::log1p(-p);
  }
  const auto rows = static_cast<double>(figures.rows);
  figures.base_rate = static_cast<double>(figures.positives) / rows;
  figures.log_loss = loss / rows;

  std::vector<uint32_t> ascending(probabilities.size());
  std::iota(ascending.begin(), ascending.end(), 0U);
  std::stable_sort(ascending.begin(), ascending.end(),
                   [&](uint32_t a, uint32_t b) { return probabilities[a] < probabilities[b]; });
  figures.ece = ExpectedCalibrationError(probabilities, labels, ascending);
  if (figures.positives > 0) figures.calibration = sum / static_cast<double>(figures.positives);
  if (figures.positives > 0 && figures.positives < figures.rows) {
    const double rate = figures.base_rate;
    figures.normalized_entropy = figures.log_loss / -(rate * std::log(rate) + (1 - rate) * std::log1p(-rate));
    figures.auc = Auc(probabilities, labels, ascending, figures.positives);
  }
  return figures;
}

}  // namespace adscore::trainer

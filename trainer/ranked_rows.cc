#include "trainer/ranked_rows.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace adscore::trainer {

RankedRows::RankedRows(std::span<const float> probabilities, std::span<const uint8_t> labels)
    : ascending_(probabilities.size()) {
  std::iota(ascending_.begin(), ascending_.end(), 0U);
  std::stable_sort(ascending_.begin(), ascending_.end(),
                   [&](uint32_t a, uint32_t b) { return probabilities[a] < probabilities[b]; });
  const size_t rows = ascending_.size();
  probabilities_.reserve(rows);
  losses_.reserve(rows);
  labels_.reserve(rows);
  first_of_tie_.reserve(rows);
  for (const uint32_t row : ascending_) {
    first_of_tie_.push_back(probabilities_.empty() || probabilities[row] > probabilities_.back() ? 1 : 0);
    probabilities_.push_back(probabilities[row]);
    losses_.push_back(static_cast<float>(LogLoss(probabilities[row], labels[row] != 0)));
    labels_.push_back(labels[row] != 0 ? 1 : 0);
  }
}

HeadFigures RankedRows::Figures(std::span<const uint8_t> weights) const {
  double probability = 0;
  double loss = 0;
  double calibration_error = 0;
  uint64_t positives = 0;  // counted from the highest probability down
  uint64_t negatives = 0;
  uint64_t tied_positives = 0;  // of the probability that the pass is at
  uint64_t tied_negatives = 0;
  double ordered_pairs = 0;  // a positive above a negative; half of one that is tied
  double precision_sum = 0;  // over positives: precision among the rows at least as probable
  for (size_t bin = kEceBins; bin-- > 0;) {
    double bin_probability = 0;
    double excess = 0;  // probabilities minus positives
    for (size_t i = rows() * (bin + 1) / kEceBins; i-- > rows() * bin / kEceBins;) {
      const uint64_t weight = weights[ascending_[i]];
      const uint64_t positive = weight * labels_[i];
      const auto w = static_cast<double>(weight);
      bin_probability += w * static_cast<double>(probabilities_[i]);
      excess -= static_cast<double>(positive);
      loss += w * static_cast<double>(losses_[i]);
      tied_positives += positive;
      tied_negatives += weight - positive;
      if (first_of_tie_[i] == 0) continue;
      ordered_pairs += static_cast<double>(tied_negatives) *
                       (static_cast<double>(positives) + static_cast<double>(tied_positives) / 2);
      positives += tied_positives;
      negatives += tied_negatives;
      if (tied_positives > 0) {
        precision_sum += static_cast<double>(tied_positives) * static_cast<double>(positives) /
                         static_cast<double>(positives + negatives);
      }
      tied_positives = tied_negatives = 0;
    }
    probability += bin_probability;
    calibration_error += std::abs(bin_probability + excess);
  }

  HeadFigures figures;
  figures.rows = positives + negatives;
  figures.positives = positives;
  if (figures.rows == 0) return figures;
  const auto all = static_cast<double>(figures.rows);
  const auto p = static_cast<double>(positives);
  figures.base_rate = p / all;
  figures.log_loss = loss / all;
  figures.ece = calibration_error / all;
  if (positives > 0) figures.calibration = probability / p;
  if (positives > 0 && negatives > 0) {
    figures.auc = ordered_pairs / (p * static_cast<double>(negatives));
    figures.pr_auc = precision_sum / p;
    figures.normalized_entropy = figures.log_loss / BinaryEntropy(figures.base_rate);
  }
  return figures;
}

}  // namespace adscore::trainer

#include "trainer/loss.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "trainer/random.h"

namespace adscore::trainer {
namespace {

constexpr uint64_t kNegativeKey = 0x4E45474154;

}  // namespace

bool IsNegative(std::span<const uint8_t> labels) {
  return std::all_of(labels.begin(), labels.end(), [](uint8_t label) { return label != 1; });
}

double LossOfRow(const LossWeights& weights, std::span<const float> logits, std::span<const uint8_t> labels,
                 float* deltas) {
  const float row = IsNegative(labels) ? weights.negative_row : weights.row;
  std::optional<Products> products;
  if (!weights.chains.empty()) products.emplace(weights.chains, logits);
  double loss = 0;
  for (size_t h = 0; h < logits.size(); ++h) {
    if (labels[h] == kUnknownLabel) {
      deltas[h] = 0;
      continue;
    }
    const float logit = products ? static_cast<float>(products->LogOdds(h)) : logits[h];
    const float positive = weights.positives.empty() ? 1.0F : weights.positives[h];
    const float label_weight = labels[h] != 0 ? positive : 1.0F;
    // e is at most 1, and neither loss nor probability overflows.
    const float z = positive == 1.0F ? logit : logit + std::log(positive);
    const float e = std::exp(-std::abs(z));
    const float probability = (z >= 0 ? 1.0F : e) / (1 + e);
    loss += label_weight * (std::log1p(e) + std::max(z, 0.0F) - (labels[h] != 0 ? z : 0.0F));
    deltas[h] = (probability - static_cast<float>(labels[h])) * label_weight * row;
  }
  if (products) products->BackToLogits(deltas);
  return loss * row;
}

std::vector<uint32_t> KeepNegatives(const std::vector<std::vector<uint8_t>>& labels,
                                    std::span<const uint32_t> rows, double rate, uint64_t seed) {
  std::vector<uint32_t> kept;
  for (const uint32_t row : rows) {
    const bool negative = std::all_of(labels.begin(), labels.end(),
                                      [row](const std::vector<uint8_t>& of) { return of[row] != 1; });
    if (!negative || Random(seed ^ kNegativeKey, row).Uniform() < rate) kept.push_back(row);
  }
  return kept;
}

}  // namespace adscore::trainer

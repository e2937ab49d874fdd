#include "trainer/metrics.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "trainer/ranked_rows.h"

namespace adscore::trainer {

HeadFigures ComputeFigures(std::span<const float> probabilities, std::span<const uint8_t> labels) {
  return RankedRows(probabilities, labels).Figures(std::vector<uint8_t>(labels.size(), 1));
}

double LogLoss(float probability, bool positive) {
  const double p = std::clamp(static_cast<double>(probability), 1e-7, 1 - 1e-7);
  return positive ? -std::log(p) : -std::log1p(-p);
}

double BinaryEntropy(double rate) {
  if (rate <= 0 || rate >= 1) return 0;
  return -(rate * std::log(rate) + (1 - rate) * std::log1p(-rate));
}

}  // namespace adscore::trainer

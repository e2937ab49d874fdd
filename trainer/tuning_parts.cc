#include "trainer/tuning_parts.h"

#include <algorithm>
#include <cmath>

#include "trainer/fit_checks.h"
#include "trainer/random.h"

namespace adscore::trainer {
namespace {

constexpr uint64_t kPartKey = 0x50415254;
constexpr uint64_t kThinningKey = 0x5448494E;
constexpr size_t kParts = 5;  // that take turns where there are too few positives

}  // namespace

std::vector<uint32_t> ThinByWeight(const Dataset& data, const std::vector<uint32_t>& rows, uint64_t seed) {
  if (data.weights.empty()) return rows;
  float most = 0;
  for (const uint32_t row : rows) most = std::max(most, data.weights[row]);
  std::vector<uint32_t> thinned;
  for (const uint32_t row : rows) {
    if (Random(seed ^ kThinningKey, row).Uniform() * most < data.weights[row]) thinned.push_back(row);
  }
  return thinned;
}

uint64_t FewestOfAKind(const Dataset& data, std::span<const uint32_t> rows) {
  uint64_t fewest = UINT64_MAX;
  for (const std::vector<uint8_t>& labels : data.labels) {
    const uint64_t positives = Positives(labels, rows);
    fewest = std::min({fewest, positives, Known(labels, rows) - positives});
  }
  return fewest;
}

std::vector<TuningPart> PartsFor(const Dataset& data, const Split& split, double tuning_share,
                                 uint64_t seed) {
  if (FewestOfAKind(data, split.tuning) >= kEnoughPositives)
    return {{split.training, ThinByWeight(data, split.tuning, seed)}};
  std::vector<TuningPart> parts(kParts);
  const auto tenths = static_cast<uint64_t>(std::max(kParts + 0.0, std::round(1 / tuning_share)));
  for (const std::vector<uint32_t>* rows : {&split.training, &split.tuning}) {
    for (const uint32_t row : *rows) {
      const uint64_t tenth = Random(seed ^ kPartKey, row).Below(tenths);
      for (size_t p = 0; p < kParts; ++p) (p == tenth ? parts[p].tuning : parts[p].training).push_back(row);
    }
  }
  // Of very few rows chance may leave a part none.
  std::erase_if(parts, [](const TuningPart& part) { return part.tuning.empty() || part.training.empty(); });
  if (parts.empty()) return {{split.training, split.tuning}};
  for (TuningPart& part : parts) {
    part.tuning = ThinByWeight(data, part.tuning, seed);
    std::sort(part.training.begin(), part.training.end());
    std::sort(part.tuning.begin(), part.tuning.end());
  }
  return parts;
}

}  // namespace adscore::trainer

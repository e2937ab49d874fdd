#include "trainer/target_statistics.h"

#include <cmath>

#include "trainer/random.h"

namespace adscore::trainer {
namespace {

constexpr uint64_t kFoldKey = 0x464F4C44;
// Positives that a token starts with, at the base rate: the rarer they are, the more rows it takes to be
// believed.
constexpr double kPriorPositives = 0.5;
// Brings the logarithm of a count to the size of the other inputs.
constexpr double kCountScale = 0.25;

double LogOdds(double p) { return std::log(p / (1 - p)); }

}  // namespace

std::vector<uint8_t> DrawFolds(size_t rows, std::span<const uint32_t> training) {
  std::vector<uint8_t> folds(rows, kNoFold);
  for (const uint32_t row : training) folds[row] = static_cast<uint8_t>(Random(kFoldKey, row).Below(kFolds));
  return folds;
}

TokenCounts::TokenCounts(size_t ids, std::span<const double> base_rates)
    : heads_(base_rates.size()),
      base_rates_(base_rates.begin(), base_rates.end()),
      counts_(ids * kFolds * (base_rates.size() + 1)) {}

void TokenCounts::Add(uint32_t id, uint8_t fold, std::span<const uint8_t> labels) {
  uint32_t* cell = counts_.data() + (id * kFolds + fold) * dim();
  ++cell[0];
  for (size_t h = 0; h < heads_; ++h) cell[1 + h] += labels[h];
}

void TokenCounts::Write(uint32_t id, uint8_t but_fold, float* out) const {
  double rows = 0;
  for (size_t h = 0; h < heads_; ++h) {
    double positives = 0;
    rows = 0;
    for (size_t fold = 0; fold < kFolds; ++fold) {
      if (fold == but_fold) continue;
      rows += Cell(id, fold)[0];
      positives += Cell(id, fold)[1 + h];
    }
    const double base = base_rates_[h];
    const double rate = (positives + kPriorPositives) / (rows + kPriorPositives / base);
    out[h] = static_cast<float>(LogOdds(rate) - LogOdds(base));
  }
  // As if all folds had been counted, so that a count means the same with and without one left out.
  if (but_fold != kNoFold) rows *= static_cast<double>(kFolds) / (kFolds - 1);
  out[heads_] = static_cast<float>(kCountScale * std::log1p(rows));
}

std::vector<float> TokenCounts::Table() const {
  const size_t ids = counts_.size() / (kFolds * dim());
  std::vector<float> table(ids * dim());
  for (size_t id = 0; id < ids; ++id) Write(static_cast<uint32_t>(id), kNoFold, table.data() + id * dim());
  return table;
}

}  // namespace adscore::trainer

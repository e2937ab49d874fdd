#include "trainer/target_statistics.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "trainer/dataset.h"
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

double CountsOf(std::span<const float> numbers, std::span<const double> base_rates,
                std::span<double> positives) {
  const size_t heads = base_rates.size();
  const double rows = std::expm1(static_cast<double>(numbers[heads]) / kCountScale);
  for (size_t h = 0; h < heads; ++h) {
    const double rate = 1 / (1 + std::exp(-(static_cast<double>(numbers[h]) + LogOdds(base_rates[h]))));
    positives[h] = std::clamp(rate * (rows + kPriorPositives / base_rates[h]) - kPriorPositives, 0.0, rows);
  }
  return rows;
}

TokenCounts::TokenCounts(size_t ids, std::span<const double> base_rates, double units_per_row,
                         bool some_unknown)
    : base_rates_(base_rates.begin(), base_rates.end()),
      rows_per_unit_(1 / units_per_row),
      cell_size_(1 + base_rates.size() * (some_unknown ? 2 : 1)),
      counts_(ids * kFolds * cell_size_, 0) {
  for (const double rate : base_rates_) base_log_odds_.push_back(LogOdds(rate));
}

void TokenCounts::Add(uint32_t id, uint8_t fold, std::span<const uint8_t> labels, uint32_t units) {
  uint32_t* cell = counts_.data() + (id * kFolds + fold) * cell_size_;
  cell[0] += units;
  for (size_t h = 0; h < labels.size(); ++h) {
    if (labels[h] == kUnknownLabel) {
      cell[dim() + h] += units;
    } else {
      cell[1 + h] += units * labels[h];
    }
  }
}

void TokenCounts::AddPast(uint32_t id, double rows, std::span<const double> positives) {
  past_.resize(ids() * dim());
  float* past = past_.data() + id * dim();
  past[0] += static_cast<float>(rows);
  for (size_t h = 0; h < positives.size(); ++h) past[1 + h] += static_cast<float>(positives[h]);
}

void TokenCounts::Write(uint32_t id, uint8_t but_fold, float* out) const {
  const size_t heads = base_rates_.size();
  const float* past = past_.empty() ? nullptr : past_.data() + id * dim();
  double rows = 0;
  for (size_t h = 0; h < heads; ++h) {
    double positives = 0;
    double unknown = 0;
    rows = 0;
    for (size_t fold = 0; fold < kFolds; ++fold) {
      if (fold == but_fold) continue;
      rows += Cell(id, fold)[0];
      positives += Cell(id, fold)[1 + h];
      if (cell_size_ > dim()) unknown += Cell(id, fold)[dim() + h];
    }
    rows *= rows_per_unit_;
    positives = positives * rows_per_unit_ + (past == nullptr ? 0.0 : static_cast<double>(past[1 + h]));
    const double all_rows =
        rows - unknown * rows_per_unit_ + (past == nullptr ? 0.0 : static_cast<double>(past[0]));
    const double rate = (positives + kPriorPositives) / (all_rows + kPriorPositives / base_rates_[h]);
    out[h] = static_cast<float>(LogOdds(rate) - base_log_odds_[h]);
  }
  // As if all folds had been counted, so that a count means the same with and without one left out.
  if (but_fold != kNoFold) rows *= static_cast<double>(kFolds) / (kFolds - 1);
  if (past != nullptr) rows += static_cast<double>(past[0]);
  out[heads] = static_cast<float>(kCountScale * std::log1p(rows));
}

TokenStatistics::TokenStatistics(TokenCounts counts)
    : dim_(counts.dim()), table_(counts.ids() * counts.dim()) {
  std::vector<float> numbers(kFolds * dim_);
  for (uint32_t id = 0; id < counts.ids(); ++id) {
    counts.Write(id, kNoFold, table_.data() + id * dim_);
    for (uint8_t fold = 0; fold < kFolds; ++fold) counts.Write(id, fold, numbers.data() + fold * dim_);
    // An id's counts are of no more use now: its numbers take their place, or where cells are larger that of
    // an earlier one's.
    uint32_t* bits = counts.counts_.data() + id * kFolds * dim_;
    for (size_t i = 0; i < numbers.size(); ++i) bits[i] = std::bit_cast<uint32_t>(numbers[i]);
  }
  counts.counts_.resize(counts.ids() * kFolds * dim_);
  by_fold_ = std::move(counts.counts_);
}

}  // namespace adscore::trainer

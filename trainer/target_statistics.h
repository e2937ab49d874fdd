// Target statistics: how often each token was seen in training and how that went, as numbers for the network.
// They say at once what an embedding would have to learn from the few rows of a rare token.
//
// Per token: for each head the log-odds of its positive rows, smoothed towards the base rate and less the
// base rate's own (D. Micci-Barreca, 2001); then the logarithm of its count. A training row must not see its
// own label in them, so its numbers come from the rows of the other folds; all other rows, and the server,
// get those of all training rows.
//
// Not thread-safe while it counts; constant afterwards, and any thread may read.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/prefetch.h"
#include "trainer/huge_pages.h"

namespace adscore::trainer {

inline constexpr uint8_t kFolds = 8;
inline constexpr uint8_t kNoFold = 0xFF;  // of a row that was not counted

// The fold of each of `rows` rows: drawn at random for those in `training`, kNoFold for the others.
std::vector<uint8_t> DrawFolds(size_t rows, std::span<const uint32_t> training);

// What a token's numbers were made of: the inverse of TokenCounts::Write with all folds, but for rounding.
// numbers: [heads + 1]; positives: [heads], filled in. Returns the rows.
double CountsOf(std::span<const float> numbers, std::span<const double> base_rates,
                std::span<double> positives);

// Counts of one feature's tokens, by id and fold.
class TokenCounts {
 public:
  // `base_rates`: one per head, each strictly between 0 and 1. A row that counts for one is so many units: a
  // power of 2. `some_unknown`: labels may be kUnknownLabel, of rows that are then left out for that head.
  TokenCounts(size_t ids, std::span<const double> base_rates, double units_per_row = 1,
              bool some_unknown = false);

  size_t ids() const { return counts_.size() / (kFolds * cell_size_); }
  size_t dim() const { return base_rates_.size() + 1; }  // numbers per token

  // labels: [heads], as in Dataset. The row counts for so many units.
  void Add(uint32_t id, uint8_t fold, std::span<const uint8_t> labels, uint32_t units = 1);

  // Counts from before, which belong to no fold and are never left out; `positives`: [heads].
  void AddPast(uint32_t id, double rows, std::span<const double> positives);

  // The token's numbers from all folds but one, or from all with kNoFold. out: [dim()].
  void Write(uint32_t id, uint8_t but_fold, float* out) const;

 private:
  friend class TokenStatistics;

  const uint32_t* Cell(uint32_t id, size_t fold) const {
    return counts_.data() + (id * kFolds + fold) * cell_size_;
  }

  std::vector<double> base_rates_;
  std::vector<double> base_log_odds_;
  double rows_per_unit_;
  size_t cell_size_;
  // [ids][kFolds][rows, positives of each head, and if there are some rows of each head whose label is not
  // known], in units
  HugeVector<uint32_t> counts_;
  std::vector<float> past_;  // [ids][rows, positives of each head]; empty: none
};

// What TokenCounts::Write says about each id and fold, looked up instead of worked out: the same few numbers
// are needed for every row.
class TokenStatistics {
 public:
  explicit TokenStatistics(TokenCounts counts);

  size_t dim() const { return dim_; }
  // The numbers from all folds: [ids][dim()].
  std::span<const float> table() const { return table_; }

  // out: [dim()].
  void Read(uint32_t id, uint8_t but_fold, float* out) const {
    if (but_fold == kNoFold) {
      for (size_t d = 0; d < dim_; ++d) out[d] = table_[id * dim_ + d];
    } else {
      const uint32_t* bits = by_fold_.data() + (id * kFolds + but_fold) * dim_;
      for (size_t d = 0; d < dim_; ++d) out[d] = std::bit_cast<float>(bits[d]);
    }
  }

  // Gives back the memory of what training rows alone read: only kNoFold may be asked for from then on.
  void ForgetFolds() { by_fold_ = {}; }

  // Asks the processor for the memory that Read will need.
  void Prefetch(uint32_t id, uint8_t but_fold) const {
    if (but_fold == kNoFold) {
      model::PrefetchLine(table_.data() + id * dim_);
    } else {
      model::PrefetchLine(by_fold_.data() + (id * kFolds + but_fold) * dim_);
    }
  }

 private:
  size_t dim_;
  HugeVector<float> table_;
  HugeVector<uint32_t> by_fold_;  // [ids][kFolds][dim]: floats by their bits, in the memory of the counts
};

}  // namespace adscore::trainer

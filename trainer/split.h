// Which rows of a log are learnt from, which are tuned on, and which are kept apart for the figures.
//
// Thread-safe: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace adscore::trainer {

enum class SplitKind {
  kTail,    // the last rows: right for a log in time order, since the model will score what comes later
  kRandom,  // rows drawn at random: for a log in no order
};

// Row ids, ascending in each part; together every row once.
struct Split {
  std::vector<uint32_t> training;    // encoders and weights are fitted to these
  std::vector<uint32_t> tuning;      // when to stop, and the calibrators
  std::vector<uint32_t> validation;  // nothing is fitted to these or chosen by them: the published figures
};

// `validation_share` of all rows go to validation, then `tuning_share` of the rest to tuning, both in the
// manner of `kind`. InvalidArgument if a part would be empty.
absl::StatusOr<Split> SplitRows(size_t rows, SplitKind kind, double validation_share, double tuning_share,
                                uint64_t seed);

// "tail", "random".
absl::StatusOr<SplitKind> ParseSplitKind(std::string_view name);

}  // namespace adscore::trainer

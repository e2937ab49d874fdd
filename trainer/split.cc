#include "trainer/split.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "trainer/random.h"

namespace adscore::trainer {
namespace {

std::vector<uint32_t> Ascending(std::span<const uint32_t> ids) {
  std::vector<uint32_t> sorted(ids.begin(), ids.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

}  // namespace

absl::StatusOr<Split> SplitRows(size_t rows, SplitKind kind, double validation_share, double tuning_share,
                                uint64_t seed) {
  if (rows > std::numeric_limits<uint32_t>::max()) {
    return absl::InvalidArgumentError(absl::StrCat("the data has ", rows, " rows, more than the ",
                                                   std::numeric_limits<uint32_t>::max(),
                                                   " that can be trained on at once: use a part of them"));
  }
  const auto validation = static_cast<size_t>(std::llround(static_cast<double>(rows) * validation_share));
  const auto tuning =
      static_cast<size_t>(std::llround(static_cast<double>(rows - validation) * tuning_share));
  if (validation == 0 || tuning == 0 || validation + tuning >= rows) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the data has ", rows, " rows, too few to train on: --validation ", validation_share, " keeps ",
        validation, " of them for the figures and ", tuning, " go to tuning, and every part needs some"));
  }

  std::vector<uint32_t> order(rows);
  std::iota(order.begin(), order.end(), 0U);
  if (kind == SplitKind::kRandom) Random(seed).Shuffle(&order);
  const std::span<const uint32_t> all(order);
  Split split;
  split.training = Ascending(all.first(rows - validation - tuning));
  split.tuning = Ascending(all.subspan(rows - validation - tuning, tuning));
  split.validation = Ascending(all.last(validation));
  return split;
}

absl::StatusOr<SplitKind> ParseSplitKind(std::string_view name) {
  if (name == "tail") return SplitKind::kTail;
  if (name == "random") return SplitKind::kRandom;
  return absl::InvalidArgumentError(
      absl::StrCat("'", std::string(name), "' is not a split: use tail or random"));
}

}  // namespace adscore::trainer

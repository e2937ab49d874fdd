#include "trainer/split.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace adscore::trainer {
namespace {

std::multiset<uint32_t> All(const Split& split) {
  std::multiset<uint32_t> all(split.training.begin(), split.training.end());
  all.insert(split.tuning.begin(), split.tuning.end());
  all.insert(split.validation.begin(), split.validation.end());
  return all;
}

TEST(Split, TailKeepsTheLastRowsForValidationAndThoseBeforeThemForTuning) {
  const Split split = SplitRows(1000, SplitKind::kTail, 0.2, 0.1, 1).value();
  EXPECT_EQ(split.validation.front(), 800U);
  EXPECT_EQ(split.validation.size(), 200U);
  EXPECT_EQ(split.tuning.front(), 720U);
  EXPECT_EQ(split.tuning.back(), 799U);
  EXPECT_EQ(split.training.back(), 719U);
}

TEST(Split, EveryRowIsInExactlyOnePart) {
  for (const SplitKind kind : {SplitKind::kTail, SplitKind::kRandom}) {
    const std::multiset<uint32_t> all = All(SplitRows(1003, kind, 0.125, 0.1, 5).value());
    EXPECT_EQ(all.size(), 1003U);
    EXPECT_EQ(std::set<uint32_t>(all.begin(), all.end()).size(), 1003U);
  }
}

TEST(Split, RandomFollowsTheSeed) {
  const Split one = SplitRows(1000, SplitKind::kRandom, 0.2, 0.1, 1).value();
  EXPECT_EQ(one.validation, SplitRows(1000, SplitKind::kRandom, 0.2, 0.1, 1)->validation);
  EXPECT_NE(one.validation, SplitRows(1000, SplitKind::kRandom, 0.2, 0.1, 2)->validation);
  EXPECT_TRUE(std::is_sorted(one.validation.begin(), one.validation.end()));
}

TEST(Split, TooFewRowsAreRefusedWithTheirNumber) {
  const absl::Status status = SplitRows(3, SplitKind::kTail, 0.1, 0.1, 1).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("3 rows"), absl::string_view::npos) << status;
}

}  // namespace
}  // namespace adscore::trainer

#include "trainer/halving.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <set>
#include <vector>

namespace adscore::trainer {
namespace {

constexpr size_t kRungs = 3;
constexpr double kWeight = 2;

// Runs a search to its end; the loss of a trial at a rung is a function.
std::vector<TrialOutcome> Search(size_t trials, const std::function<double(size_t, size_t)>& loss) {
  std::vector<TrialOutcome> outcomes;
  while (const std::optional<TrialJob> job = NextJob(outcomes, kRungs, trials)) {
    outcomes.push_back({job->trial, job->rung, loss(job->trial, job->rung), 1});
    if (outcomes.size() > 10 * trials + 10) break;
  }
  return outcomes;
}

size_t AtRung(const std::vector<TrialOutcome>& outcomes, size_t rung) {
  size_t count = 0;
  for (const TrialOutcome& outcome : outcomes) count += outcome.rung == rung;
  return count;
}

TEST(Halving, TheDefaultGoesAheadAndAThirdIsPromoted) {
  const auto outcomes =
      Search(27, [](size_t trial, size_t) { return 1.0 - 0.01 * static_cast<double>(trial); });
  EXPECT_EQ(outcomes[0].trial, kDefaultTrial);
  EXPECT_EQ(outcomes[1].trial, kDefaultTrial);
  EXPECT_EQ(outcomes[1].rung, 1U);
  EXPECT_EQ(AtRung(outcomes, 0), 27U);
  EXPECT_GE(AtRung(outcomes, 1), 9U);
  EXPECT_LT(AtRung(outcomes, 1), 27U);
  EXPECT_LT(AtRung(outcomes, 2), AtRung(outcomes, 1));
  EXPECT_EQ(BestTrial(outcomes, kRungs, kWeight), 26U);
}

TEST(Halving, NothingIsRunTwice) {
  const auto outcomes =
      Search(30, [](size_t trial, size_t rung) { return std::sin(static_cast<double>(trial * 7 + rung)); });
  std::set<std::pair<size_t, size_t>> seen;
  for (const TrialOutcome& outcome : outcomes) EXPECT_TRUE(seen.insert({outcome.trial, outcome.rung}).second);
}

TEST(Halving, WhatIsWorseThanTheDefaultIsNotRunToTheEnd) {
  const auto outcomes = Search(12, [](size_t trial, size_t) { return trial == kDefaultTrial ? 0.1 : 0.5; });
  EXPECT_EQ(AtRung(outcomes, 2), 0U);
  EXPECT_EQ(BestTrial(outcomes, kRungs, kWeight), kDefaultTrial);
}

TEST(Halving, AGoodSeedAloneDoesNotWin) {
  // Trial 1 is lucky with the first seed; the others say what it is.
  const std::vector<TrialOutcome> outcomes = {{0, 0, 0.5, 1}, {0, 1, 0.50, 1}, {0, 2, 0.50, 1},
                                              {1, 0, 0.4, 1}, {1, 1, 0.48, 1}, {1, 2, 0.52, 1}};
  EXPECT_EQ(BestTrial(outcomes, kRungs, kWeight), kDefaultTrial);
  EXPECT_NEAR(*TrialLoss(outcomes, 1, kRungs, kWeight), (0.48 + 2 * 0.52) / 3, 1e-12);
}

TEST(Halving, WhatIsPublishedIsNeverWorseThanTheDefaultWithItsSeed) {
  const std::vector<TrialOutcome> outcomes = {{0, 0, 0.5, 1}, {0, 1, 0.50, 1}, {0, 2, 0.60, 1},
                                              {1, 0, 0.4, 1}, {1, 1, 0.51, 1}, {1, 2, 0.40, 1}};
  EXPECT_EQ(BestTrial(outcomes, kRungs, kWeight), kDefaultTrial);
}

TEST(Halving, OnesThatWentAstrayAreLast) {
  const double astray = std::numeric_limits<double>::infinity();
  const auto outcomes = Search(9, [&](size_t trial, size_t) {
    return trial % 2 == 1 ? astray : 0.5 - 0.01 * static_cast<double>(trial);
  });
  EXPECT_EQ(BestTrial(outcomes, kRungs, kWeight) % 2, 0U);
}

TEST(Halving, WithoutAnOutcomeItIsTheDefault) {
  EXPECT_EQ(BestTrial({}, kRungs, kWeight), kDefaultTrial);
  EXPECT_FALSE(TrialLoss({}, 0, kRungs, kWeight).has_value());
}

}  // namespace
}  // namespace adscore::trainer

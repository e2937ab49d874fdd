#include "trainer/target_statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "trainer/dataset.h"

namespace adscore::trainer {
namespace {

constexpr double kBase = 0.2;

std::vector<float> NumbersOf(const TokenCounts& counts, uint32_t id, uint8_t but_fold) {
  std::vector<float> numbers(counts.dim());
  counts.Write(id, but_fold, numbers.data());
  return numbers;
}

TEST(TargetStatistics, ATokenThatWasNeverSeenIsAtTheBaseRate) {
  const TokenCounts counts(3, std::vector<double>{kBase});
  EXPECT_NEAR(NumbersOf(counts, 2, kNoFold)[0], 0, 1e-6);
  EXPECT_EQ(NumbersOf(counts, 2, kNoFold)[1], 0);
}

TEST(TargetStatistics, ManyRowsSpeakForThemselvesAndFewAreHeldToTheBaseRate) {
  TokenCounts counts(2, std::vector<double>{kBase});
  const std::vector<uint8_t> positive = {1};
  const std::vector<uint8_t> negative = {0};
  for (int i = 0; i < 10000; ++i) counts.Add(0, i % kFolds, i % 2 == 0 ? positive : negative);
  counts.Add(1, 0, positive);
  const double half = -std::log(kBase / (1 - kBase));  // log-odds of one half, less those of the base rate
  EXPECT_NEAR(NumbersOf(counts, 0, kNoFold)[0], half, 1e-3);
  EXPECT_GT(NumbersOf(counts, 1, kNoFold)[0], 0);
  EXPECT_LT(NumbersOf(counts, 1, kNoFold)[0], half);
}

TEST(TargetStatistics, ARowDoesNotSeeItsOwnFoldsLabels) {
  TokenCounts counts(1, std::vector<double>{kBase});
  for (int i = 0; i < 80; ++i) counts.Add(0, i % kFolds, std::vector<uint8_t>{0});
  const std::vector<float> before = NumbersOf(counts, 0, 3);
  for (int i = 0; i < 50; ++i) counts.Add(0, 3, std::vector<uint8_t>{1});
  EXPECT_EQ(NumbersOf(counts, 0, 3), before);
  EXPECT_GT(NumbersOf(counts, 0, 4)[0], before[0]);
}

TEST(TargetStatistics, LeavingAFoldOutDoesNotMakeATokenLookRarer) {
  TokenCounts counts(1, std::vector<double>{kBase});
  for (int i = 0; i < 800; ++i) counts.Add(0, i % kFolds, std::vector<uint8_t>{0});
  EXPECT_NEAR(NumbersOf(counts, 0, 2)[1], NumbersOf(counts, 0, kNoFold)[1], 1e-6);
}

// A row whose label is not known counts as a row, and for the heads that it is known of.
TEST(TargetStatistics, ARowCountsForTheHeadsWhoseLabelsAreKnown) {
  const std::vector<double> rates = {kBase, 0.05};
  TokenCounts some(2, rates, 1, /*some_unknown=*/true);
  TokenCounts known(2, rates);
  TokenCounts every(2, rates);
  for (uint32_t i = 0; i < 400; ++i) {
    const auto fold = static_cast<uint8_t>(i % kFolds);
    const uint8_t click = i % 4 == 0;
    const uint8_t conversion = i % 20 == 0;
    some.Add(i % 2, fold, std::vector<uint8_t>{click, i < 300 ? conversion : kUnknownLabel});
    if (i < 300) known.Add(i % 2, fold, std::vector<uint8_t>{click, conversion});
    every.Add(i % 2, fold, std::vector<uint8_t>{click, conversion});
  }
  const TokenStatistics statistics(some);
  for (const uint32_t id : {0, 1}) {
    for (const uint8_t fold : {0, 5, int{kNoFold}}) {
      std::vector<float> numbers(3);
      statistics.Read(id, fold, numbers.data());
      EXPECT_EQ(numbers[0], NumbersOf(every, id, fold)[0]);
      EXPECT_EQ(numbers[1], NumbersOf(known, id, fold)[1]);
      EXPECT_EQ(numbers[2], NumbersOf(every, id, fold)[2]);
    }
  }
}

TEST(TargetStatistics, LookedUpNumbersAreThoseThatTheCountsGive) {
  TokenCounts counts(5, std::vector<double>{kBase, 0.01});
  for (uint32_t i = 0; i < 300; ++i) {
    const std::vector<uint8_t> labels = {i % 3 == 0, i % 50 == 0};
    counts.Add(i * i % 5, static_cast<uint8_t>(i % 7), labels);
  }
  const TokenStatistics statistics(counts);
  for (uint32_t id = 0; id < 5; ++id) {
    for (const uint8_t fold : {0, 3, 7, int{kNoFold}}) {
      std::vector<float> looked_up(3);
      statistics.Read(id, fold, looked_up.data());
      EXPECT_EQ(looked_up, NumbersOf(counts, id, fold));
    }
  }
}

TEST(TargetStatistics, OnlyTrainingRowsHaveAFoldAndEveryFoldHasRows) {
  std::vector<uint32_t> training;
  for (uint32_t row = 100; row < 1100; ++row) training.push_back(row);
  const std::vector<uint8_t> folds = DrawFolds(1200, training);
  std::vector<int> rows(kFolds);
  for (uint32_t row = 0; row < 1200; ++row) {
    if (row < 100 || row >= 1100) {
      EXPECT_EQ(folds[row], kNoFold);
    } else {
      ++rows.at(folds[row]);
    }
  }
  for (const int count : rows) EXPECT_GT(count, 60);
}

}  // namespace
}  // namespace adscore::trainer

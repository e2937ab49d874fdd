#include "trainer/bootstrap.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "trainer/comparison.h"
#include "trainer/random.h"

namespace adscore::trainer {
namespace {

struct Simulated {
  std::vector<float> probabilities;
  std::vector<uint8_t> labels;
};

// Rows whose labels come from `truth`, predicted with `noise` on the logit.
Simulated Simulate(size_t rows, double noise, uint64_t seed) {
  Simulated simulated;
  Random random(seed);
  for (size_t i = 0; i < rows; ++i) {
    const double logit = random.Normal() - 1;
    simulated.labels.push_back(random.Uniform() < 1 / (1 + std::exp(-logit)) ? 1 : 0);
    const double predicted = logit + noise * random.Normal();
    simulated.probabilities.push_back(static_cast<float>(1 / (1 + std::exp(-predicted))));
  }
  return simulated;
}

TEST(Bootstrap, ResamplesCountEveryRowOnceOnAverageWithVarianceOne) {
  double sum = 0;
  double squares = 0;
  const size_t rows = 10'000;
  ForEachResample(rows, 1, [&](size_t, std::span<const uint8_t> weights) {
    for (const uint8_t weight : weights) {
      sum += weight;
      squares += weight * weight;
    }
  });
  const auto draws = static_cast<double>(rows * Resamples(rows));
  EXPECT_NEAR(sum / draws, 1, 0.003);
  EXPECT_NEAR(squares / draws - 1, 1, 0.01);
}

TEST(Bootstrap, IntervalsHoldTheTruthAboutNineteenTimesInTwenty) {
  const Simulated population = Simulate(400'000, 0.5, 1);
  const HeadFigures truth = ComputeFigures(population.probabilities, population.labels);
  int auc = 0;
  int loss = 0;
  int calibration = 0;
  constexpr int kTrials = 100;
  for (int trial = 0; trial < kTrials; ++trial) {
    const Simulated sample = Simulate(500, 0.5, 100 + trial);
    const HeadFigures figures = ComputeFigures(sample.probabilities, sample.labels);
    const FigureIntervals i = ComputeIntervals(sample.probabilities, sample.labels, figures, 2);
    auc += i.auc->low <= *truth.auc && *truth.auc <= i.auc->high;
    loss += i.log_loss->low <= truth.log_loss && truth.log_loss <= i.log_loss->high;
    calibration += i.calibration->low <= *truth.calibration && *truth.calibration <= i.calibration->high;
    EXPECT_LT(i.pr_auc->low, *figures.pr_auc);
    EXPECT_GT(i.pr_auc->high, *figures.pr_auc);
  }
  // Binomial with 0.95: below 88 of 100 once in a thousand times.
  EXPECT_GE(auc, 88);
  EXPECT_GE(loss, 88);
  EXPECT_GE(calibration, 88);
  EXPECT_LT(auc + loss + calibration, 3 * kTrials) << "an interval that never misses is too wide";
}

TEST(Bootstrap, IntervalsAreTheSameForAnyNumberOfThreads) {
  const Simulated sample = Simulate(2000, 1, 3);
  const HeadFigures figures = ComputeFigures(sample.probabilities, sample.labels);
  const FigureIntervals one = ComputeIntervals(sample.probabilities, sample.labels, figures, 1);
  const FigureIntervals three = ComputeIntervals(sample.probabilities, sample.labels, figures, 3);
  EXPECT_EQ(one.auc, three.auc);
  EXPECT_EQ(one.log_loss, three.log_loss);
  EXPECT_EQ(one.ece, three.ece);
}

TEST(Bootstrap, ADrawnPartOfManyRowsGivesTheIntervalOfAll) {
  const Simulated sample = Simulate(kMostResampledRows * 2, 0.5, 4);
  const HeadFigures figures = ComputeFigures(sample.probabilities, sample.labels);
  const FigureIntervals intervals = ComputeIntervals(sample.probabilities, sample.labels, figures, 2);
  // A mean's interval has the width of ±1.96 standard errors.
  double squares = 0;
  for (size_t i = 0; i < sample.labels.size(); ++i) {
    const double distance = LogLoss(sample.probabilities[i], sample.labels[i] != 0) - figures.log_loss;
    squares += distance * distance;
  }
  const double error = std::sqrt(squares) / static_cast<double>(sample.labels.size());
  EXPECT_NEAR((intervals.log_loss->high - intervals.log_loss->low) / (2 * 1.96 * error), 1, 0.2);
}

TEST(Bootstrap, WhatTheRowsDoNotDefineHasNoInterval) {
  const std::vector<float> probabilities = {0.1F, 0.2F, 0.3F};
  const std::vector<uint8_t> never = {0, 0, 0};
  const FigureIntervals intervals =
      ComputeIntervals(probabilities, never, ComputeFigures(probabilities, never), 1);
  EXPECT_FALSE(intervals.auc.has_value());
  EXPECT_FALSE(intervals.calibration.has_value());
  EXPECT_TRUE(intervals.log_loss.has_value());
  EXPECT_FALSE(ComputeIntervals({}, {}, HeadFigures(), 1).log_loss.has_value());
}

TEST(Comparison, SeesASmallDifferenceOnTheSameRowsAndItsSign) {
  const Simulated good = Simulate(20'000, 0, 7);
  std::vector<float> worse = good.probabilities;
  Random random(8);
  for (float& p : worse) {
    const double logit = std::log(p / (1 - p)) + 0.3 * random.Normal();
    p = static_cast<float>(1 / (1 + std::exp(-logit)));
  }
  const Comparison comparison = Compare(good.probabilities, worse, good.labels, 2);
  EXPECT_EQ(comparison.winner, Winner::kFirst);
  EXPECT_LT(comparison.log_loss.value, 0);
  EXPECT_GT(comparison.auc->value, 0);
  EXPECT_GT(comparison.auc->interval->low, 0);
  EXPECT_GT(comparison.saved.interval->low, 0);
  EXPECT_NE(Describe(comparison, "a", "b").find("a is better than b"), std::string::npos);
  // What both share cancels out: their own intervals overlap by far.
  const FigureIntervals own = ComputeIntervals(good.probabilities, good.labels, comparison.first, 2);
  EXPECT_LT(comparison.second.log_loss, own.log_loss->high);

  const Comparison turned = Compare(worse, good.probabilities, good.labels, 2);
  EXPECT_EQ(turned.winner, Winner::kSecond);
  EXPECT_DOUBLE_EQ(turned.log_loss.value, -comparison.log_loss.value);
  EXPECT_NE(Describe(turned, "a", "b").find("a is worse than b"), std::string::npos);
}

TEST(Comparison, SaysWhenTheRowsCanNotTell) {
  const Simulated sample = Simulate(300, 0, 9);
  std::vector<float> other = sample.probabilities;
  Random random(10);
  for (float& p : other)
    p = std::min(0.99F, std::max(0.01F, p + 0.02F * static_cast<float>(random.Normal())));
  const Comparison comparison = Compare(sample.probabilities, other, sample.labels, 1);
  EXPECT_EQ(comparison.winner, Winner::kNeither);
  EXPECT_NE(Describe(comparison, "a", "b").find("can't be told from b"), std::string::npos);
  EXPECT_EQ(Compare(sample.probabilities, sample.probabilities, sample.labels, 1).winner, Winner::kNeither);
}

}  // namespace
}  // namespace adscore::trainer

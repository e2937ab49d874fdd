#include "trainer/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace adscore::trainer {
namespace {

TEST(Metrics, AucCountsOrderedPairsAndHalfOfTheTies) {
  // Positives 0.9, 0.5, 0.2; negatives 0.5, 0.1: of 6 pairs, 4 in order + 1 tie (half) + 1 out of order.
  const std::vector<float> probabilities = {0.9F, 0.5F, 0.2F, 0.5F, 0.1F};
  const std::vector<uint8_t> labels = {1, 1, 1, 0, 0};
  EXPECT_NEAR(*ComputeFigures(probabilities, labels).auc, 4.5 / 6, 1e-12);
}

TEST(Metrics, PrAucIsTheMeanPrecisionAtThePositives) {
  // By falling probability: + (1 of 1), - , + (2 of 3), and + tied with - (3 of 5).
  const std::vector<float> probabilities = {0.9F, 0.8F, 0.7F, 0.2F, 0.2F, 0.1F};
  const std::vector<uint8_t> labels = {1, 0, 1, 1, 0, 0};
  EXPECT_NEAR(*ComputeFigures(probabilities, labels).pr_auc, (1.0 + 2.0 / 3 + 3.0 / 5) / 3, 1e-12);
  // All alike: the base rate.
  EXPECT_NEAR(*ComputeFigures(std::vector<float>(6, 0.5F), labels).pr_auc, 0.5, 1e-12);
}

TEST(Metrics, LogLossAndCalibrationByHand) {
  const std::vector<float> probabilities = {0.5F, 0.25F, 0.75F};
  const std::vector<uint8_t> labels = {1, 0, 1};
  const HeadFigures figures = ComputeFigures(probabilities, labels);
  EXPECT_NEAR(figures.log_loss, -(std::log(0.5) + std::log(0.75) + std::log(0.75)) / 3, 1e-7);
  EXPECT_NEAR(*figures.calibration, 1.5 / 2, 1e-7);
  EXPECT_NEAR(figures.base_rate, 2.0 / 3, 1e-12);
  EXPECT_EQ(figures.rows, 3U);
  EXPECT_EQ(figures.positives, 2U);
}

TEST(Metrics, SayingTheBaseRateHasANormalisedEntropyOfOneAndNoCalibrationError) {
  const std::vector<float> probabilities(400, 0.25F);
  std::vector<uint8_t> labels(400, 0);
  for (size_t i = 0; i < labels.size(); i += 4) labels[i] = 1;
  const HeadFigures figures = ComputeFigures(probabilities, labels);
  EXPECT_NEAR(*figures.normalized_entropy, 1, 1e-6);
  EXPECT_NEAR(*figures.auc, 0.5, 1e-12);
  EXPECT_NEAR(*figures.calibration, 1, 1e-6);
  EXPECT_NEAR(figures.ece, 0, 1e-6);
}

TEST(Metrics, EceSeesErrorsThatCancelInTheMean) {
  // Half of the rows say 0.4 and are never positive, half say 0.6 and always are: right on the whole, 0.4 off
  // in each.
  std::vector<float> probabilities(200, 0.4F);
  std::vector<uint8_t> labels(200, 0);
  for (size_t i = 0; i < 100; ++i) {
    probabilities[i] = 0.6F;
    labels[i] = 1;
  }
  const HeadFigures figures = ComputeFigures(probabilities, labels);
  EXPECT_NEAR(*figures.calibration, 1, 1e-6);
  EXPECT_NEAR(figures.ece, 0.4, 1e-6);
}

TEST(Metrics, WhatTheRowsDoNotDefineIsAbsentAndTheRestIsFinite) {
  const std::vector<float> probabilities = {0.0F, 1.0F, 0.5F};
  const HeadFigures never = ComputeFigures(probabilities, std::vector<uint8_t>{0, 0, 0});
  EXPECT_FALSE(never.auc.has_value());
  EXPECT_FALSE(never.normalized_entropy.has_value());
  EXPECT_FALSE(never.calibration.has_value());
  EXPECT_TRUE(std::isfinite(never.log_loss));
  const HeadFigures always = ComputeFigures(probabilities, std::vector<uint8_t>{1, 1, 1});
  EXPECT_FALSE(always.auc.has_value());
  EXPECT_TRUE(always.calibration.has_value());
  EXPECT_TRUE(std::isfinite(always.log_loss));
  const HeadFigures none = ComputeFigures({}, {});
  EXPECT_EQ(none.rows, 0U);
  EXPECT_FALSE(none.auc.has_value());
}

}  // namespace
}  // namespace adscore::trainer

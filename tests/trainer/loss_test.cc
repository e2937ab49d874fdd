#include "trainer/loss.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace adscore::trainer {
namespace {

TEST(Loss, IsTheCrossEntropyAndItsSlopeWhereNothingIsWeighted) {
  const std::vector<float> logits = {0.5F, -2};
  const std::vector<uint8_t> labels = {1, 0};
  float deltas[2];
  const double expected = std::log1p(std::exp(-0.5)) + std::log1p(std::exp(-2.0));
  EXPECT_NEAR(LossOfRow({}, logits, labels, deltas), expected, 1e-6);
  EXPECT_NEAR(deltas[0], 1 / (1 + std::exp(-0.5)) - 1, 1e-6);
  EXPECT_NEAR(deltas[1], 1 / (1 + std::exp(2.0)), 1e-6);
}

// Over many rows of one kind the loss is least where the logit is theirs, whatever positives count for.
TEST(Loss, IsLeastAtTheLogOddsOfTheRowsAsTheyAre) {
  constexpr double kRate = 0.03;
  const std::vector<float> logits = {static_cast<float>(std::log(kRate / (1 - kRate)))};
  for (const float weight : {0.2F, 1.0F, 7.0F, 100.0F}) {
    float positive = 0;
    float negative = 0;
    LossOfRow({.positives = {weight}}, logits, std::vector<uint8_t>{1}, &positive);
    LossOfRow({.positives = {weight}}, logits, std::vector<uint8_t>{0}, &negative);
    EXPECT_NEAR(kRate * positive + (1 - kRate) * negative, 0, 1e-6) << weight;
  }
}

TEST(Loss, ARowIsNegativeIfNoLabelIsPositive) {
  const LossWeights weights{.row = 0.5F, .negative_row = 4};
  const std::vector<float> logits = {0, 0};
  float deltas[2];
  EXPECT_NEAR(LossOfRow(weights, logits, std::vector<uint8_t>{0, 0}, deltas), 8 * std::log(2.0), 1e-5);
  EXPECT_NEAR(LossOfRow(weights, logits, std::vector<uint8_t>{0, 1}, deltas), std::log(2.0), 1e-5);
  EXPECT_NEAR(deltas[0], 0.25, 1e-6);
}

TEST(KeepNegatives, KeepsAllPositivesAndTheSameShareOfTheOthers) {
  std::vector<std::vector<uint8_t>> labels(2, std::vector<uint8_t>(10'000, 0));
  for (size_t row = 0; row < 10'000; row += 10) labels[row % 20 == 0 ? 0 : 1][row] = 1;
  std::vector<uint32_t> rows(10'000);
  std::iota(rows.begin(), rows.end(), 0U);
  const std::vector<uint32_t> kept = KeepNegatives(labels, rows, 0.2, 1);
  EXPECT_TRUE(std::is_sorted(kept.begin(), kept.end()));
  EXPECT_EQ(std::count_if(kept.begin(), kept.end(), [](uint32_t row) { return row % 10 == 0; }), 1000);
  EXPECT_NEAR(static_cast<double>(kept.size()), 1000 + 0.2 * 9000, 120);
  // A row is kept or not by itself.
  const std::vector<uint32_t> later(rows.begin() + 5'000, rows.end());
  const std::vector<uint32_t> kept_later = KeepNegatives(labels, later, 0.2, 1);
  EXPECT_TRUE(std::equal(kept_later.rbegin(), kept_later.rend(), kept.rbegin()));
  EXPECT_NE(KeepNegatives(labels, rows, 0.2, 2), kept);
}

}  // namespace
}  // namespace adscore::trainer

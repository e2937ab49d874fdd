#include "trainer/calibration.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "trainer/random.h"

namespace adscore::trainer {
namespace {

TEST(Calibration, RecoversAKnownShiftAndSlope) {
  Random random(7);
  std::vector<float> logits;
  std::vector<uint8_t> labels;
  for (int i = 0; i < 100'000; ++i) {
    const double logit = 1.5 * random.Normal() - 1;
    logits.push_back(static_cast<float>(logit));
    labels.push_back(random.Uniform() < model::Sigmoid(0.7 * logit - 0.4));
  }
  const model::Calibrator calibrator = FitPlatt(logits, labels);
  EXPECT_NEAR(calibrator.slope, 0.7, 0.02);
  EXPECT_NEAR(calibrator.offset, -0.4, 0.02);
}

TEST(Calibration, MakesTheSumOfProbabilitiesThePositives) {
  Random random(8);
  std::vector<float> logits;
  std::vector<uint8_t> labels;
  double positives = 0;
  for (int i = 0; i < 20'000; ++i) {
    logits.push_back(static_cast<float>(random.Normal()));
    labels.push_back(random.Below(10) == 0);
    positives += labels.back();
  }
  const model::Calibrator calibrator = FitPlatt(logits, labels);
  double sum = 0;
  for (const float logit : logits) sum += model::Calibrate(calibrator, logit);
  EXPECT_NEAR(sum / positives, 1, 0.002);
}

TEST(Calibration, StaysNearTheIdentityWhereThereIsNothingToLearnFrom) {
  EXPECT_EQ(FitPlatt({}, {}), model::Calibrator{});
  const std::vector<float> logits(50, -3.0F);
  const model::Calibrator never_positive = FitPlatt(logits, std::vector<uint8_t>(50, 0));
  EXPECT_TRUE(std::isfinite(never_positive.slope));
  EXPECT_GT(never_positive.slope, 0);
  EXPECT_GT(model::Calibrate(never_positive, -3.0F), 0);
}

TEST(Calibration, IsDrawnTowardsTheOneFromBefore) {
  const model::Calibrator before{.slope = 1, .offset = -0.5F};
  const model::Calibrator fitted{.slope = 0.5F, .offset = 0.5F};
  EXPECT_EQ(DrawnTowards(before, fitted, 0), before);
  EXPECT_EQ(DrawnTowards(before, fitted, 1), fitted);
  EXPECT_EQ(DrawnTowards(before, fitted, 0.5), (model::Calibrator{.slope = 0.75F, .offset = 0}));
  const model::Calibrator curve{.slope = 0.5F, .offset = 0.5F, .knots = {{-1, -2}, {1, 2}}};
  EXPECT_EQ(DrawnTowards(before, curve, 0.5), curve);
  EXPECT_EQ(DrawnTowards(curve, fitted, 0.5), fitted);
}

TEST(Calibration, NeverTurnsTheOrderOfAdsRound) {
  std::vector<float> logits;
  std::vector<uint8_t> labels;
  for (int i = 0; i < 1000; ++i) {
    logits.push_back(i % 2 == 0 ? 1.0F : -1.0F);
    labels.push_back(i % 2 != 0 || i % 10 == 0);
  }
  EXPECT_GT(FitPlatt(logits, labels).slope, 0);
}

TEST(Calibration, SurvivesExtremeLogits) {
  const std::vector<float> logits = {-500, 500, -300, 300, 0};
  const model::Calibrator calibrator = FitPlatt(logits, std::vector<uint8_t>{1, 0, 0, 1, 1});
  EXPECT_TRUE(std::isfinite(calibrator.slope));
  EXPECT_TRUE(std::isfinite(calibrator.offset));
}

}  // namespace
}  // namespace adscore::trainer

#include "trainer/calibrator_choice.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "trainer/calibration.h"
#include "trainer/isotonic.h"
#include "trainer/random.h"

namespace adscore::trainer {
namespace {

struct Rows {
  std::vector<float> logits;
  std::vector<uint8_t> labels;
  std::vector<double> truth;  // true log-odds

  // Logits as normal as they come, around -1, and what the true log-odds make of them.
  static Rows Draw(size_t count, uint64_t seed, const std::function<double(double)>& true_log_odds) {
    Rows rows;
    Random random(seed);
    for (size_t i = 0; i < count; ++i) {
      const double logit = 1.5 * random.Normal() - 1;
      rows.logits.push_back(static_cast<float>(logit));
      rows.truth.push_back(true_log_odds(logit));
      rows.labels.push_back(random.Uniform() < model::Sigmoid(rows.truth.back()) ? 1 : 0);
    }
    return rows;
  }

  double LogLoss(const model::Calibrator& calibrator) const {
    double loss = 0;
    for (size_t i = 0; i < logits.size(); ++i) {
      const double p = model::Calibrate(calibrator, logits[i]);
      loss -= std::log(labels[i] != 0 ? p : 1 - p);
    }
    return loss / static_cast<double>(logits.size());
  }
};

// Confident logits say much less than they seem to: no line describes it.
double Flattening(double logit) { return logit > -1 ? -1 + 0.1 * (logit + 1) : -1 + 1.5 * (logit + 1); }
double Line(double logit) { return 0.8 * logit - 0.2; }

TEST(CalibratorChoice, ACurveIsChosenWhereNoLineFits) {
  const Rows rows = Rows::Draw(20'000, 1, Flattening);
  const model::Calibrator chosen = ChooseCalibrator(CalibrationKind::kAuto, rows.logits, rows.labels);
  ASSERT_EQ(KindOf(chosen), CalibrationKind::kIsotonic);
  const Rows fresh = Rows::Draw(50'000, 2, Flattening);
  EXPECT_LT(fresh.LogLoss(chosen), fresh.LogLoss(FitPlatt(rows.logits, rows.labels)) - 0.005);
  for (const double logit : {-2.0, -1.0, 1.0}) {  // where positives are many
    EXPECT_NEAR(model::LogOdds(chosen, logit), Flattening(logit), 0.2) << logit;
  }
}

TEST(CalibratorChoice, PlattIsKeptWhereALineFitsOrRowsAreFew) {
  size_t kept = 0;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    const Rows rows = Rows::Draw(5'000, seed, Line);
    kept +=
        KindOf(ChooseCalibrator(CalibrationKind::kAuto, rows.logits, rows.labels)) == CalibrationKind::kPlatt;
  }
  EXPECT_GE(kept, 9U);
  const Rows few = Rows::Draw(150, 3, Flattening);
  EXPECT_EQ(KindOf(ChooseCalibrator(CalibrationKind::kAuto, few.logits, few.labels)),
            CalibrationKind::kPlatt);
  EXPECT_EQ(ChooseCalibrator(CalibrationKind::kAuto, {}, {}), FitPlatt({}, {}));
}

TEST(CalibratorChoice, WhatIsAskedForIsTaken) {
  const Rows rows = Rows::Draw(5'000, 4, Line);
  for (const CalibrationKind kind :
       {CalibrationKind::kPlatt, CalibrationKind::kIsotonic, CalibrationKind::kNone}) {
    EXPECT_EQ(KindOf(ChooseCalibrator(kind, rows.logits, rows.labels)), kind);
    EXPECT_EQ(ParseCalibrationKind(ToString(kind)).value(), kind);
  }
  EXPECT_FALSE(ParseCalibrationKind("steps").ok());
}

TEST(Isotonic, SumsUpToThePositivesAndKeepsTheOrder) {
  const Rows rows = Rows::Draw(8'000, 5, Flattening);
  const model::Calibrator bent = BendCalibrator(FitPlatt(rows.logits, rows.labels), rows.logits, rows.labels);
  ASSERT_GE(bent.knots.size(), 3U);
  ASSERT_LE(bent.knots.size(), model::kMostKnots);
  double sum = 0;
  double positives = 0;
  for (size_t i = 0; i < rows.logits.size(); ++i) {
    sum += model::Calibrate(bent, rows.logits[i]);
    positives += rows.labels[i];
  }
  EXPECT_NEAR(sum / positives, 1, 1e-4);
  double last = -HUGE_VAL;
  for (double logit = -12; logit < 12; logit += 0.01) {
    const double z = model::LogOdds(bent, logit);
    EXPECT_GT(z, last) << logit;
    last = z;
  }
}

TEST(Isotonic, EveryKnotStandsForEnoughPositives) {
  const Rows rows = Rows::Draw(2'000, 6, Line);
  size_t positives = 0;
  for (const uint8_t label : rows.labels) positives += label;
  const model::Calibrator bent = BendCalibrator(FitPlatt(rows.logits, rows.labels), rows.logits, rows.labels);
  EXPECT_LE(bent.knots.size(), positives / kRowsOfAKindPerKnot);
  const std::vector<float> same(1000, 0.5F);  // ties can't be told apart
  const std::vector<uint8_t> labels(rows.labels.begin(), rows.labels.begin() + 1000);
  EXPECT_TRUE(BendCalibrator({}, same, labels).knots.empty());
}

TEST(Isotonic, ExtremeLogitsStayProbabilities) {
  Rows rows = Rows::Draw(2'000, 7, Line);
  rows.logits[0] = 1e30F;
  rows.logits[1] = -1e30F;
  const model::Calibrator bent = BendCalibrator({}, rows.logits, rows.labels);
  for (const float logit : {-1e38F, -1e30F, -50.0F, 0.0F, 50.0F, 1e30F, 1e38F}) {
    const float p = model::Calibrate(bent, logit);
    EXPECT_TRUE(p >= 0 && p <= 1) << logit;
  }
  EXPECT_TRUE(std::isnan(model::Calibrate(bent, NAN)));
}

}  // namespace
}  // namespace adscore::trainer

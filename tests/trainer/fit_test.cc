#include "trainer/fit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/model.h"
#include "tests/trainer/test_data.h"
#include "trainer/evaluation.h"
#include "trainer/golden_rows.h"
#include "trainer/half_product.h"

namespace adscore::trainer {
namespace {

FitOptions SmallOptions() {
  FitOptions options;
  options.labels = {{"click", ""}, {"conversion", ""}};
  options.training.hidden = {16, 8};
  options.training.batch_size = 64;
  options.training.epochs = 5;
  options.training.learning_rate = 0.01F;
  return options;
}

const auto kQuietly = [](const TrainingProgress&) {};

TEST(Fit, LearnsBothHeadsBetterThanTheirBaseRates) {
  const absl::StatusOr<FittedModel> fitted = FitModel(SmallDataset(6000, 1), SmallOptions(), kQuietly);
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  for (const HeadFigures& figures : fitted->validation) {
    EXPECT_LT(*figures.normalized_entropy, 0.95);
    EXPECT_GT(*figures.auc, 0.65);
    EXPECT_NEAR(*figures.calibration, 1, 0.25);
  }
}

TEST(Fit, TheSameSeedGivesTheSameWeightsForAnyNumberOfThreads) {
  const Dataset data = SmallDataset(1500, 2);
  FitOptions options = SmallOptions();
  options.training.epochs = 2;
  const FittedModel one = FitModel(data, options, kQuietly).value();
  options.training.threads = 3;
  const FittedModel three = FitModel(data, options, kQuietly).value();
  for (size_t l = 0; l < one.model->snapshot().layers.size(); ++l) {
    const std::span<const float> a = one.model->snapshot().layers[l].weights;
    const std::span<const float> b = three.model->snapshot().layers[l].weights;
    EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end())) << "layer " << l;
  }
  options.training.seed = 99;
  const FittedModel other = FitModel(data, options, kQuietly).value();
  EXPECT_NE(other.model->snapshot().layers[0].weights[0], one.model->snapshot().layers[0].weights[0]);
}

// Elsewhere both are in single precision.
TEST(Fit, WideLayersAreInHalfPrecisionUnlessTheyAreToBeExact) {
  const Dataset data = SmallDataset(1500, 1);
  FitOptions options = SmallOptions();
  options.training.hidden = {256, 256};
  options.training.epochs = 1;
  const FittedModel usual = FitModel(data, options, kQuietly).value();
  options.training.exact = true;
  const FittedModel exact = FitModel(data, options, kQuietly).value();
  const bool same = std::ranges::equal(usual.model->snapshot().layers[1].weights,
                                       exact.model->snapshot().layers[1].weights);
  EXPECT_EQ(same, FindHalfKernels() == nullptr);
  for (size_t head = 0; head < exact.validation.size(); ++head) {
    EXPECT_NEAR(usual.validation[head].log_loss, exact.validation[head].log_loss, 0.01);
  }
}

TEST(Fit, BatchNormalisationIsFoldedIntoTheSnapshotAndLearnsAlike) {
  const Dataset data = SmallDataset(6000, 1);
  FitOptions options = SmallOptions();
  options.training.batch_norm = true;
  options.members = 2;
  const FittedModel one = FitModel(data, options, kQuietly).value();
  options.training.threads = 3;
  const FittedModel three = FitModel(data, options, kQuietly).value();
  const model::Snapshot& snapshot = one.model->snapshot();
  ASSERT_EQ(snapshot.layers.size(), 6U);
  EXPECT_EQ(snapshot.layers[0].outputs, 16U);
  for (size_t l = 0; l < 6; ++l) {
    EXPECT_TRUE(std::ranges::equal(snapshot.layers[l].weights, three.model->snapshot().layers[l].weights));
    EXPECT_TRUE(std::ranges::equal(snapshot.layers[l].bias, three.model->snapshot().layers[l].bias));
  }
  EXPECT_LT(model::Model(snapshot, *model::AvailableKernelSets(model::Precision::kF32).front()).GoldenError(),
            1e-5F);
  for (const HeadFigures& figures : one.validation) {
    EXPECT_LT(*figures.normalized_entropy, 0.95);
    EXPECT_NEAR(*figures.calibration, 1, 0.25);
  }
}

TEST(Fit, WhatTrainingSaysAtItsLooksIsWhatIsMeasuredWithBatchNormalisation) {
  FitOptions options = SmallOptions();
  options.training.batch_norm = true;
  options.calibration = CalibrationKind::kNone;
  double tuning = 0;
  const FittedModel fitted = FitModel(SmallDataset(9000, 4), options, [&](const TrainingProgress& p) {
                               if (p.tuning_loss > 0) tuning = p.tuning_loss;
                             }).value();
  const double validation = fitted.validation[0].log_loss + fitted.validation[1].log_loss;
  EXPECT_NEAR(tuning, validation, 0.06) << "other means and variances than at the looks would be far off";
}

TEST(Fit, BatchNormalisationWithoutAnythingToNormaliseIsRefused) {
  FitOptions options = SmallOptions();
  options.training.batch_norm = true;
  options.training.batch_size = 15;
  EXPECT_NE(FitModel(SmallDataset(500, 1), options, kQuietly).status().message().find("--batch-size 15"),
            absl::string_view::npos);
  options.training.batch_size = 64;
  options.training.hidden = {};
  EXPECT_NE(FitModel(SmallDataset(500, 1), options, kQuietly).status().message().find("--hidden none"),
            absl::string_view::npos);
}

TEST(Fit, ALinearPartIsTrainedAndServedWithTheRest) {
  const Dataset data = SmallDataset(6000, 1);
  FitOptions options = SmallOptions();
  const FittedModel without = FitModel(data, options, kQuietly).value();
  options.training.linear = true;
  options.members = 2;
  const FittedModel one = FitModel(data, options, kQuietly).value();
  options.training.threads = 3;
  const FittedModel three = FitModel(data, options, kQuietly).value();
  const model::Snapshot& snapshot = one.model->snapshot();
  EXPECT_EQ(snapshot.layers[0].outputs, 16U + 4) << "two units per head";
  EXPECT_EQ(snapshot.encodings[2].embedding.dim, 2 * (8U + 2));
  for (size_t l = 0; l < snapshot.layers.size(); ++l) {
    EXPECT_TRUE(std::ranges::equal(snapshot.layers[l].weights, three.model->snapshot().layers[l].weights));
  }
  for (const model::KernelSet* kernels : model::AvailableKernelSets(model::Precision::kF32)) {
    EXPECT_LT(model::Model(snapshot, *kernels).GoldenError(), 1e-5F) << kernels->name;
  }
  for (size_t head = 0; head < 2; ++head) {
    EXPECT_LT(one.validation[head].log_loss, without.validation[head].log_loss + 0.01);
  }
}

TEST(Fit, AnEnsemblesMembersDifferAndTheirMeanIsWhatIsMeasured) {
  const Dataset data = SmallDataset(3000, 2);
  FitOptions options = SmallOptions();
  const FittedModel one = FitModel(data, options, kQuietly).value();
  options.members = 3;
  const FittedModel three = FitModel(data, options, kQuietly).value();
  const model::Snapshot& snapshot = three.model->snapshot();
  ASSERT_EQ(snapshot.members, 3U);
  EXPECT_NE(snapshot.LayersOf(0)[0].weights[5], snapshot.LayersOf(1)[0].weights[5]);
  EXPECT_NE(snapshot.LayersOf(1)[0].weights[5], snapshot.LayersOf(2)[0].weights[5]);
  EXPECT_GT(three.model->parameters(), 2 * one.model->parameters());
  EXPECT_TRUE(model::Validate(snapshot).ok());
  EXPECT_LT(three.validation[0].log_loss, one.validation[0].log_loss + 0.01);
}

// A fit whose logits are measured as they come out of training.
FittedModel Uncalibrated(const Dataset& data, const FitOptions& changed) {
  FitOptions options = changed;
  options.calibration = CalibrationKind::kNone;
  options.validation_share = 0.4;
  return FitModel(data, options, kQuietly).value();
}

TEST(Fit, FewerNegativesOrHeavierPositivesLeaveTheProbabilitiesWhereTheyWere) {
  const Dataset data = SmallDataset(12'000, 9);
  const FittedModel plain = Uncalibrated(data, SmallOptions());
  FitOptions fewer = SmallOptions();
  fewer.training.negative_rate = 0.25;
  FitOptions heavier = SmallOptions();
  heavier.positive_weights = {{"", 5}, {"conversion", 0.2F}};
  for (const FitOptions& options : {fewer, heavier}) {
    const FittedModel fitted = Uncalibrated(data, options);
    for (size_t head = 0; head < 2; ++head) {
      EXPECT_NEAR(*fitted.validation[head].calibration, *plain.validation[head].calibration, 0.05) << head;
      EXPECT_NEAR(*fitted.validation[head].calibration, 1, 0.06) << head;
      EXPECT_NEAR(fitted.validation[head].log_loss, plain.validation[head].log_loss, 0.01) << head;
    }
  }
}

TEST(Fit, NegativesLeftOutAreNotTrainedOn) {
  const Dataset data = SmallDataset(4'000, 10);
  FitOptions options = SmallOptions();
  options.training.epochs = 1;
  const uint64_t all = FitModel(data, options, kQuietly)->rows_trained;
  options.training.negative_rate = 0.1;
  const uint64_t some = FitModel(data, options, kQuietly)->rows_trained;
  size_t negatives = 0;
  for (size_t row = 0; row < data.rows; ++row) negatives += data.labels[0][row] + data.labels[1][row] == 0;
  const double left = 1 - 0.9 * static_cast<double>(negatives) / static_cast<double>(data.rows);
  EXPECT_NEAR(static_cast<double>(some) / static_cast<double>(all), left, 0.03);
}

TEST(Fit, APositiveWeightOfNoLabelIsRefused) {
  FitOptions options = SmallOptions();
  options.positive_weights = {{"purchase", 3}};
  const absl::Status status = FitModel(SmallDataset(500, 1), options, kQuietly).status();
  EXPECT_NE(status.message().find("purchase"), absl::string_view::npos) << status;
}

TEST(Fit, SeveralPartsTakeTurnsAtTuningWhereFewRowsArePositive) {
  const FittedModel few = FitModel(SmallDataset(3000, 3), SmallOptions(), kQuietly).value();
  EXPECT_GT(few.tuning_parts, 1U);
  FitOptions one_head = SmallOptions();
  one_head.labels.pop_back();
  Dataset many = SmallDataset(20000, 3);
  many.labels.pop_back();
  one_head.training.epochs = 1;
  EXPECT_EQ(FitModel(many, one_head, kQuietly).value().tuning_parts, 1U);
}

// As few positives as the tuning rows have of their own would leave it off by a tenth, as often as not.
TEST(Fit, ProbabilitiesOfNewRowsAddUpToFewPositivesOfAllRows) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    Dataset data = SmallDataset(5000, seed);
    Random random(seed);
    for (uint8_t& label : data.labels[1]) label &= random.Below(6) == 0 ? 1 : 0;
    const FittedModel fitted = FitModel(data, SmallOptions(), kQuietly).value();
    ASSERT_GT(fitted.tuning_parts, 1U);
    const double rate = std::accumulate(data.labels[1].begin(), data.labels[1].end(), 0.0) / 5000;

    const Dataset others = SmallDataset(20'000, 50 + seed);
    const model::Model served(fitted.published().snapshot(),
                              *model::AvailableKernelSets(model::Precision::kF32).front());
    std::vector<uint32_t> rows(others.rows);
    std::iota(rows.begin(), rows.end(), 0U);
    const std::vector<float> probabilities = ScoreRows(served, others, rows, 1).value();
    double sum = 0;
    for (const uint32_t row : rows) sum += probabilities[row * 2 + 1];
    EXPECT_NEAR(sum / static_cast<double>(others.rows) / rate, 1, 0.075) << seed;
  }
}

TEST(Fit, KeepsTheBestStateNotTheLast) {
  FitOptions options = SmallOptions();
  options.training.epochs = 30;
  options.training.patience = 3;
  double best = HUGE_VAL;
  double last = 0;
  const auto watch = [&](const TrainingProgress& p) {
    if (p.tuning_loss == 0) return;  // the tuning rows are learnt from
    last = p.tuning_loss;
    best = std::min(best, last);
  };
  const FittedModel fitted = FitModel(SmallDataset(800, 3), options, watch).value();
  EXPECT_LT(best, last);  // 800 rows over-fit soon
  EXPECT_LT(fitted.best_epochs, fitted.epochs);
  EXPECT_LT(fitted.epochs, 30);
}

TEST(Fit, NothingIsFittedToValidationRows) {
  // The same rows but for the labels of the validation part: weights and calibrators must come out the same.
  Dataset data = SmallDataset(1000, 4);
  FitOptions options = SmallOptions();
  options.training.epochs = 2;
  const FittedModel before = FitModel(data, options, kQuietly).value();
  for (size_t row = 900; row < 1000; ++row) data.labels[0][row] ^= 1;
  for (size_t row = 900; row < 1000; ++row) data.columns[2].tokens[row] = 4242;
  const FittedModel after = FitModel(data, options, kQuietly).value();
  EXPECT_EQ(before.model->snapshot().layers[0].weights[5], after.model->snapshot().layers[0].weights[5]);
  EXPECT_EQ(before.model->snapshot().heads[0].calibrator, after.model->snapshot().heads[0].calibrator);
  EXPECT_NE(before.validation[0].log_loss, after.validation[0].log_loss);
}

TEST(Fit, ALossThatIsNoNumberAnyMoreStopsWithAdvice) {
  FitOptions options = SmallOptions();
  options.training.learning_rate = 1e30F;
  const absl::Status status = FitModel(SmallDataset(1000, 5), options, kQuietly).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("--learning-rate"), absl::string_view::npos) << status;
}

TEST(Fit, AfterASetbackItGoesOnWithALowerLearningRate) {
  FitOptions options = SmallOptions();
  options.training.learning_rate = 20.0F;
  const absl::StatusOr<FittedModel> fitted = FitModel(SmallDataset(6000, 5), options, kQuietly);
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  ASSERT_FALSE(fitted->notices.empty());
  EXPECT_NE(fitted->notices[0].find("on with learning rate 2"), std::string::npos) << fitted->notices[0];
  EXPECT_LT(*fitted->validation[0].normalized_entropy, 1.01);  // of a step size that is still large
}

TEST(Fit, RowsSortedByTheirLabelAreRefusedWithAdvice) {
  Dataset data = SmallDataset(1000, 6);
  std::fill(data.labels[0].begin(), data.labels[0].end(), uint8_t{0});
  std::fill(data.labels[0].end() - 100, data.labels[0].end(), uint8_t{1});
  const absl::Status status = FitModel(data, SmallOptions(), kQuietly).status();
  EXPECT_NE(status.message().find("--split random"), absl::string_view::npos) << status;
}

TEST(Fit, AHeadWithoutPositivesInValidationIsSaidAndLeftUndefined) {
  Dataset data = SmallDataset(1000, 7);
  std::fill(data.labels[1].end() - 100, data.labels[1].end(), uint8_t{0});
  const absl::StatusOr<FittedModel> fitted = FitModel(data, SmallOptions(), kQuietly);
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  EXPECT_FALSE(fitted->validation[1].auc.has_value());
  ASSERT_EQ(fitted->notices.size(), 1U);
  EXPECT_NE(fitted->notices[0].find("conversion"), std::string::npos);
}

TEST(Fit, GoldenRowsReplayOnEveryKernelSet) {
  const FittedModel fitted = FitModel(SmallDataset(1000, 8), SmallOptions(), kQuietly).value();
  EXPECT_GT(fitted.model->snapshot().golden.rows, 40U);
  for (const model::KernelSet* kernels : model::AvailableKernelSets(model::Precision::kF32)) {
    EXPECT_LT(model::Model(fitted.model->snapshot(), *kernels).GoldenError(), 1e-5F) << kernels->name;
  }
}

TEST(GoldenRows, AreSpreadAndShowEveryFeatureMissingAndPresent) {
  Dataset data = SmallDataset(5000, 9);
  for (float& hour : data.columns[1].numeric) hour = 1;
  data.columns[1].numeric[1234] = std::nanf("");  // the only row without an hour
  const std::vector<uint32_t> rows = ChooseGoldenRows(data, AllRows(data), 64).value();
  EXPECT_LE(rows.size(), 64U);
  EXPECT_GE(rows.size(), 48U);
  EXPECT_TRUE(std::is_sorted(rows.begin(), rows.end()));
  EXPECT_NE(std::find(rows.begin(), rows.end(), 1234U), rows.end());
  EXPECT_LT(rows.front(), 100U);
  EXPECT_GT(rows.back(), 4800U);
}

}  // namespace
}  // namespace adscore::trainer

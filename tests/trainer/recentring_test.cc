#include "trainer/recentring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "model/calibrator.h"
#include "tests/trainer/test_data.h"
#include "trainer/encoder_fitting.h"
#include "trainer/fit.h"
#include "trainer/training_loop.h"

namespace adscore::trainer {
namespace {

// Sums of the probabilities of rows of `data`, whose label is known, ÷ their positives, by head: once a
// network that was trained on them for an epoch has been recentred, from biases that are off.
std::vector<double> CalibrationOfLearntRows(const Dataset& data, const Chains& chains) {
  const std::vector<uint32_t> rows = AllRows(data);
  const FittedEncoders encoders = FitEncoders(data, rows, {}).value();
  const InputLayout layout = LayOutInput(data.schema, encoders.encodings, 0);
  const EncodedData encoded(data, layout, encoders, size_t{1} << 30);
  TrainingOptions options;
  options.hidden = {8};
  options.chains = chains;
  Parameters parameters = TrainFor(1, encoded, layout, rows, options, [](const TrainingProgress&) {}).value();
  parameters.layers.back().bias[0] += 0.3F;
  parameters.layers.back().bias[1] -= 0.4F;
  EXPECT_TRUE(Recentre(encoded, layout, data, rows, chains, 2, &parameters).ok());

  const std::vector<float> logits = ScoreLogits(encoded, layout, rows, parameters, 1).value();
  std::vector<double> sums(2);
  std::vector<double> positives(2);
  for (const uint32_t row : rows) {
    std::vector<double> p;
    for (size_t head = 0; head < 2; ++head) {
      p.push_back(model::Sigmoid(logits[row * 2 + head]));
      if (!chains.empty() && chains[head]) p[head] *= p[*chains[head]];
      if (data.labels[head][row] == kUnknownLabel) continue;
      sums[head] += data.Weight(row) * p[head];
      positives[head] += data.Weight(row) * data.labels[head][row];
    }
  }
  return {sums[0] / positives[0], sums[1] / positives[1]};
}

void ExpectCentred(const Dataset& data, const Chains& chains) {
  for (const double calibration : CalibrationOfLearntRows(data, chains)) EXPECT_NEAR(calibration, 1, 1e-4);
}

TEST(Recentring, ProbabilitiesOfTheRowsLearntFromSumUpToTheirPositives) {
  ExpectCentred(SmallDataset(3000, 5), {});
}

TEST(Recentring, HeadsThatFollowOthersAreCentredByTheirProduct) {
  Dataset data = SmallDataset(3000, 6);
  for (size_t row = 0; row < data.rows; ++row) data.labels[1][row] &= data.labels[0][row];
  ExpectCentred(data, {std::nullopt, 0});
}

TEST(Recentring, RowsCountForTheirWeightAndOnlyWhereTheirLabelIsKnown) {
  Dataset data = SmallDataset(3000, 7);
  for (size_t row = 0; row < data.rows; ++row) {
    data.weights.push_back(row % 3 == 0 ? 0.25F : 2);
    if (row % 5 == 0) data.labels[1][row] = kUnknownLabel;
  }
  ExpectCentred(data, {});
}

TEST(Recentring, SeedsAgreeOnTheMeanProbability) {
  const Dataset data = SmallDataset(8000, 8);
  FitOptions options;
  options.labels = {{"click", ""}, {"conversion", ""}};
  options.training.hidden = {16, 8};
  options.training.epochs = 2;
  options.training.learning_rate = 0.02F;  // steps that leave much behind
  options.training.optimizer.average_decay = 0;
  options.calibration = CalibrationKind::kNone;
  double least = HUGE_VAL;
  double most = 0;
  for (options.training.seed = 1; options.training.seed <= 4; ++options.training.seed) {
    const FittedModel fitted = FitModel(data, options, [](const TrainingProgress&) {}).value();
    least = std::min(least, *fitted.validation[0].calibration);
    most = std::max(most, *fitted.validation[0].calibration);
  }
  EXPECT_LT(most - least, 0.03);
}

}  // namespace
}  // namespace adscore::trainer

#include "trainer/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/trainer/test_data.h"
#include "trainer/baseline.h"
#include "trainer/evaluation.h"
#include "trainer/progressive.h"

namespace adscore::trainer {
namespace {

using testing::HasSubstr;

const TrainingReport kQuietly = [](const TrainingProgress&) {};

FitOptions Options() {
  FitOptions options;
  options.labels = {{"click", ""}, {"conversion", ""}};
  options.training.hidden = {16};
  options.training.epochs = 4;
  return options;
}

std::vector<model::Head> Heads() {
  return {{"click", {"click", ""}, 0.4, {}}, {"conversion", {"conversion", ""}, 0.12, {}}};
}

TEST(Baseline, LearnsWhatIsAdditiveAsWellAsTheTruthAllows) {
  // SmallDataset's first label is additive in the bins of `amount` and in `ad`: nothing can do better than
  // the logit that it was drawn from.
  const Dataset data = SmallDataset(20'000, 11);
  const Split split = SplitRows(data.rows, SplitKind::kTail, 0.2, 0.1, 1).value();
  const std::vector<float> probabilities = BaselineProbabilities(data, split, {}, 2).value();
  const HeadRows rows = RowsOfHead(data, split.validation, probabilities, 0);
  double best = 0;
  for (const uint32_t row : split.validation) {
    const float amount = data.columns[0].numeric[row];
    const double logit = -1 + (std::isnan(amount) ? 0 : 1.5 * std::abs(static_cast<double>(amount))) +
                         (data.columns[2].tokens[row] / 1000 % 2 == 0 ? 1 : -1);
    best += LogLoss(static_cast<float>(1 / (1 + std::exp(-logit))), data.labels[0][row] != 0);
  }
  best /= static_cast<double>(split.validation.size());
  EXPECT_NEAR(ComputeFigures(rows.probabilities, rows.labels).log_loss / best, 1, 0.015);
  EXPECT_EQ(BaselineProbabilities(data, split, {}, 1).value(), probabilities) << "for any number of threads";
}

TEST(Baseline, ValidationLabelsHaveNoSay) {
  Dataset data = SmallDataset(2000, 12);
  const Split split = SplitRows(data.rows, SplitKind::kTail, 0.2, 0.1, 1).value();
  const std::vector<float> before = BaselineProbabilities(data, split, {}, 1).value();
  for (const uint32_t row : split.validation) data.labels[0][row] ^= 1;
  EXPECT_EQ(BaselineProbabilities(data, split, {}, 1).value(), before);
}

TEST(Verdict, SaysPlainlyWhenAModelIsWorseThanNothing) {
  const Dataset data = SmallDataset(4000, 13);
  const Split split = SplitRows(data.rows, SplitKind::kTail, 0.25, 0.1, 1).value();
  std::vector<float> wrong;
  for (const uint32_t row : split.validation) {
    wrong.push_back(data.labels[0][row] != 0 ? 0.2F : 0.8F);  // the wrong way round
    wrong.push_back(0.12F);
  }
  const std::vector<HeadVerdict> verdicts = Judge(data, split, Options(), Heads(), wrong).value();
  EXPECT_EQ(verdicts[0].versus_base_rate.winner, Winner::kSecond);
  EXPECT_THAT(verdicts[0].summary, HasSubstr("WORSE THAN NOTHING"));
  EXPECT_EQ(verdicts[1].versus_logistic_regression.winner, Winner::kSecond);
  EXPECT_THAT(verdicts[1].summary, HasSubstr("WORSE THAN LOGISTIC REGRESSION"));
  EXPECT_THAT(verdicts[1].details[1], HasSubstr("the model is worse than logistic regression"));
}

TEST(Progressive, EveryPartIsScoredByAModelOfTheRowsBeforeIt) {
  Dataset data = SmallDataset(3000, 14);
  const ProgressiveResult result = ProgressiveValidation(data, Options(), 3, kQuietly).value();
  ASSERT_EQ(result.parts.size(), 3U);
  size_t next = 1500;
  for (const ProgressivePart& part : result.parts) {
    EXPECT_EQ(part.first_row, next);
    EXPECT_EQ(part.rows, part.figures[0].rows);
    next += part.rows;
  }
  EXPECT_EQ(next, 3000U);
  EXPECT_EQ(result.pooled[0].rows, 1500U);
  EXPECT_LT(*result.pooled[0].normalized_entropy, 1);
  // What comes after a part changes nothing about it.
  for (size_t row = 2000; row < 3000; ++row) data.labels[0][row] ^= 1;
  const ProgressiveResult changed = ProgressiveValidation(data, Options(), 3, kQuietly).value();
  EXPECT_EQ(changed.parts[0].figures[0].log_loss, result.parts[0].figures[0].log_loss);
  EXPECT_NE(changed.parts[1].figures[0].log_loss, result.parts[1].figures[0].log_loss);
}

TEST(Progressive, APartThatCanNotBeFittedIsNamed) {
  Dataset data = SmallDataset(1000, 15);
  std::fill(data.labels[0].begin(), data.labels[0].begin() + 600, uint8_t{0});
  const absl::Status status = ProgressiveValidation(data, Options(), 5, kQuietly).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("part 1 of 5"));
  EXPECT_THAT(std::string(ProgressiveValidation(data, Options(), 501, kQuietly).status().message()),
              HasSubstr("--progressive 501"));
}

}  // namespace
}  // namespace adscore::trainer

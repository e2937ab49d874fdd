#include "trainer/commands/training_flags.h"

#include <gtest/gtest.h>

#include <string>

namespace adscore::trainer {
namespace {

// What the flags come to for a log of so many rows, with numbers u and v that are crossed or not.
FitOptions Suited(size_t rows, const std::string& flags = "", bool crossed = false) {
  CLI::App command;
  TrainingFlags training;
  AddTrainingFlags(&command, &training);
  command.parse(flags);
  Dataset log;
  log.rows = rows;
  for (const char* name : {"u", "v"}) {
    model::Feature& feature = log.schema.features.emplace_back();
    feature.name = name;
    feature.kind = model::FeatureKind::kNumeric;
  }
  if (crossed) log.schema.crosses.push_back({model::CrossKind::kProduct, 0, 1});
  FitOptions options = training.Options();
  training.SuitTo(log, &options);
  return options;
}

TEST(TrainingFlags, FewRowsAreLearntFromInSmallerBatches) {
  EXPECT_EQ(Suited(4'999).training.batch_size, 32);
  EXPECT_EQ(Suited(5'000).training.batch_size, 64);
  EXPECT_EQ(Suited(19'999).training.batch_size, 64);
  EXPECT_EQ(Suited(20'000).training.batch_size, 256);
  EXPECT_EQ(Suited(4'999, "--batch-size 256").training.batch_size, 256);
}

TEST(TrainingFlags, ManyRowsHaveMoreBinsUnlessNumbersAreCrossed) {
  EXPECT_EQ(Suited(99'999).encoders.bins, 20);
  EXPECT_EQ(Suited(123'456).encoders.bins, 123);
  EXPECT_EQ(Suited(5'000'000).encoders.bins, 200);
  EXPECT_EQ(Suited(123'456, "--bins 7").encoders.bins, 7);
  EXPECT_EQ(Suited(123'456, "", /*crossed=*/true).encoders.bins, 20);
}

}  // namespace
}  // namespace adscore::trainer

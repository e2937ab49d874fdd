// Ctrl-C at every stage: what is published is whole, and what is not there is said.
#include "trainer/commands/interruption.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "model/model.h"
#include "model/model_root.h"
#include "tests/program.h"
#include "tests/trainer/cli_fixture.h"
#include "trainer/fit.h"

namespace adscore::trainer {
namespace {

using adscore::testing::Program;
using ::testing::ExitedWithCode;
using ::testing::HasSubstr;

TEST(InterruptionDeathTest, EndsAtOnceWithAWordUntilToldOtherwise) {
  for (const int signal : {SIGINT, SIGTERM}) {
    EXPECT_EXIT(
        {
          Interruption interruption("nothing was published");
          raise(signal);
        },
        ExitedWithCode(130), "^adscore-trainer: nothing was published\n$");
  }
}

TEST(InterruptionDeathTest, TheFirstSetsTheFlagAndTheSecondEnds) {
  EXPECT_EXIT(
      {
        Interruption interruption("early");
        interruption.SetFlag("first", "second");
        if (interruption.flag()) abort();
        raise(SIGINT);
        if (!interruption.flag()) abort();
        raise(SIGTERM);
      },
      ExitedWithCode(130), "^adscore-trainer: first\nadscore-trainer: second\n$");
}

TEST(Interruption, LeavesTheSignalsAsTheyWere) {
  struct sigaction before = {};
  sigaction(SIGINT, nullptr, &before);
  { const Interruption interruption("said"); }
  struct sigaction after = {};
  sigaction(SIGINT, nullptr, &after);
  EXPECT_EQ(before.sa_handler, after.sa_handler);
}

// A fit that is stopped after some batches of the training with so many the member.
class StoppedFit {
 public:
  StoppedFit(const Dataset& data, FitOptions options, size_t batches) {
    std::atomic<bool> stop = false;
    options.training.stop = &stop;
    size_t seen = 0;
    fitted_ = FitModel(data, options, [&](const TrainingProgress& p) {
      looked_ = looked_ || p.tuning_loss > 0;
      if (++seen == batches) stop = true;
      EXPECT_LE(seen, batches) << "no batch comes after the one that was being worked on";
    });
  }
  const absl::StatusOr<FittedModel>& fitted() const { return fitted_; }

 private:
  absl::StatusOr<FittedModel> fitted_ = absl::UnknownError("");
  bool looked_ = false;
};

FitOptions SmallOptions() {
  FitOptions options;
  options.labels = {{"click", ""}, {"conversion", ""}};
  options.training.hidden = {8};
  options.training.batch_size = 64;
  options.training.epochs = 3;
  return options;
}

// Batches of a whole fit.
size_t BatchesOf(const Dataset& data, const FitOptions& options) {
  size_t batches = 0;
  EXPECT_TRUE(FitModel(data, options, [&](const TrainingProgress&) { ++batches; }).ok());
  return batches;
}

TEST(InterruptedFit, BeforeTheFirstLookThereIsNothingToKeep) {
  const StoppedFit stopped(SmallDataset(2000, 1), SmallOptions(), 2);
  EXPECT_EQ(stopped.fitted().status().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(std::string(stopped.fitted().status().message()), HasSubstr("nothing was published"));
}

TEST(InterruptedFit, KeepsTheBestStateWheneverItComes) {
  const Dataset data = SmallDataset(2000, 1);
  for (const size_t members : {1, 2}) {
    FitOptions options = SmallOptions();
    options.members = members;
    const size_t batches = BatchesOf(data, options);
    // In the first training, in the last of those that tune, and while all rows are learnt from.
    for (const size_t after : {size_t{12}, batches / 2, batches - 2}) {
      const StoppedFit stopped(data, options, after);
      ASSERT_TRUE(stopped.fitted().ok()) << stopped.fitted().status();
      const FittedModel& fitted = *stopped.fitted();
      EXPECT_TRUE(fitted.interrupted);
      EXPECT_TRUE(model::Validate(fitted.model->snapshot()).ok());
      EXPECT_LT(fitted.training_rows, 1800U) << "the tuning rows were not learnt from";
      EXPECT_GT(fitted.best_epochs, 0);
      EXPECT_LT(*fitted.validation[0].normalized_entropy, 1.1);
      EXPECT_GT(*fitted.validation[0].auc, 0.5);
    }
  }
}

TEST(InterruptedFit, TheMembersThatAreThereAreServed) {
  const Dataset data = SmallDataset(2000, 1);
  FitOptions options = SmallOptions();
  const size_t of_one = BatchesOf(data, options);
  options.members = 3;
  const StoppedFit stopped(data, options, of_one / 6);  // in the first of five parts, past its first member
  ASSERT_TRUE(stopped.fitted().ok()) << stopped.fitted().status();
  EXPECT_LT(stopped.fitted()->model->snapshot().members, 3U);
}

TEST(InterruptedFit, AFlagThatNobodySetsChangesNothing) {
  const Dataset data = SmallDataset(1500, 2);
  const FittedModel plain = FitModel(data, SmallOptions(), [](const TrainingProgress&) {}).value();
  const StoppedFit watched(data, SmallOptions(), SIZE_MAX);
  EXPECT_FALSE(watched.fitted()->interrupted);
  EXPECT_EQ(plain.model->snapshot().layers[0].weights[3],
            watched.fitted()->model->snapshot().layers[0].weights[3]);
}

class InterruptedCliTest : public CliTest {
 protected:
  // A fit that goes on for long: its steps are tiny, and each look is a little better than the last.
  std::unique_ptr<Program> StartFit(const std::string& hidden) {
    std::vector<std::string> command =
        Fit(Generated(20'000), {"--json", "--epochs", "1000", "--learning-rate", "0.000001",
                                "--weight-average", "0", "--threads", "1", "--hidden", hidden});
    command.insert(command.begin(), ADSCORE_TRAINER);
    return std::make_unique<Program>(command, directory_.path() + "/errors");
  }
  static void WaitFor(const Program& program, const std::string& said) {
    for (int i = 0; program.errors().find(said) == std::string::npos; ++i) {
      ASSERT_LT(i, 3000) << program.errors();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
};

TEST_F(InterruptedCliTest, WhatWasFoundSoFarIsPublishedAndTheExitCodeIs130) {
  const auto fit = StartFit("16");
  WaitFor(*fit, "tuning loss");
  fit->Signal(SIGINT);
  EXPECT_EQ(fit->Wait(), 130) << fit->errors();
  EXPECT_THAT(fit->errors(),
              ::testing::ContainsRegex("interrupted in epoch [0-9.]+; keeping the best state, of "
                                       "epoch [0-9.]+: published version 1"));
  const auto json = nlohmann::json::parse(fit->output(), nullptr, false);
  ASSERT_TRUE(json.is_object()) << fit->output();
  EXPECT_EQ(json["interrupted"], true);
  EXPECT_EQ(json["version"], 1);
  const Outcome evaluated = RunCommand(Evaluate(directory_.path() + "/generated.csv", {"--json"}));
  EXPECT_EQ(evaluated.code, 0) << evaluated.err;
}

TEST_F(InterruptedCliTest, BeforeThatNothingIsPublished) {
  const auto fit = StartFit("2048,2048");
  WaitFor(*fit, "schema:");
  fit->Signal(SIGTERM);
  EXPECT_EQ(fit->Wait(), 130) << fit->errors();
  EXPECT_THAT(fit->errors(), HasSubstr("nothing was published"));
  EXPECT_EQ(fit->output(), "");
  EXPECT_FALSE(std::filesystem::exists(directory_.path() + "/M"));
}

TEST_F(InterruptedCliTest, GenerateLeavesNoFile) {
  const std::string path = directory_.path() + "/large.csv";
  Program generate({ADSCORE_TRAINER, "generate", "--rows", "1000000000", "--out", path},
                   directory_.path() + "/errors");
  WaitFor(generate, "generated");
  generate.Signal(SIGINT);
  EXPECT_EQ(generate.Wait(), 130) << generate.errors();
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
    files += entry.path().filename() != "errors";
  }
  EXPECT_EQ(files, 0U);
}

}  // namespace
}  // namespace adscore::trainer

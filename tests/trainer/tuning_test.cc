// The search for options: what it draws, what it keeps, and what it publishes.
#include "trainer/tuning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "tests/program.h"
#include "tests/trainer/cli_fixture.h"
#include "trainer/commands/tune.h"
#include "trainer/tuning_space.h"

namespace adscore::trainer {
namespace {

using ::testing::HasSubstr;

const auto kNothingFixed = [](const std::string&) { return false; };

FitOptions SmallOptions() {
  FitOptions options;
  options.labels = {{"click", ""}, {"conversion", ""}};
  options.training.hidden = {8};
  options.training.epochs = 1;
  return options;
}

TEST(TuningBudget, IsSecondsOrATimeWithItsUnit) {
  for (const auto& [text, seconds] : std::map<std::string, double>{
           {"90", 90}, {"90s", 90}, {"1.5", 1.5}, {"3m", 180}, {"10m", 600}, {"1m30s", 90}, {"2h", 7200}}) {
    ASSERT_TRUE(ParseBudget(text).ok()) << text;
    EXPECT_EQ(ParseBudget(text)->count(), seconds) << text;
  }
  for (const char* text : {"", "0", "0.5", "-3", "3x", "m", "3 m", "nan", "inf", "1e9"}) {
    EXPECT_FALSE(ParseBudget(text).ok()) << text;
  }
}

TEST(TuningSpace, TheFirstTrialIsTheDefaultAndOthersAreDrawnAgainAlike) {
  const FitOptions base = SmallOptions();
  EXPECT_EQ(DescribeTrial(base, DrawTrial(base, kNothingFixed, 1, 0)), "");
  std::set<std::string> different;
  for (size_t trial = 1; trial <= 20; ++trial) {
    const std::string drawn = DescribeTrial(base, DrawTrial(base, kNothingFixed, 1, trial));
    EXPECT_EQ(drawn, DescribeTrial(base, DrawTrial(base, kNothingFixed, 1, trial)));
    different.insert(drawn);
  }
  EXPECT_GT(different.size(), 18U);
}

TEST(TuningSpace, WhatIsKnownToBeGoodComesFirst) {
  const FitOptions base = SmallOptions();
  EXPECT_EQ(DescribeTrial(base, DrawTrial(base, kNothingFixed, 1, 1)), "--hidden 256,128");
  EXPECT_EQ(DescribeTrial(base, DrawTrial(base, kNothingFixed, 1, 2)), "--ensemble 3");
  // Whatever the seed; what is left to change of them is tried once, and nothing twice.
  EXPECT_EQ(DescribeTrial(base, DrawTrial(base, kNothingFixed, 2, 2)), "--ensemble 3");
  const auto fixed = [](const std::string& flag) { return flag == "--hidden" || flag == "--ensemble"; };
  std::set<std::string> different = {""};
  for (size_t trial = 1; trial <= 4; ++trial) {
    const FitOptions drawn = DrawTrial(base, fixed, 1, trial);
    EXPECT_EQ(drawn.members, 1U);
    EXPECT_TRUE(different.insert(DescribeTrial(base, drawn)).second) << DescribeTrial(base, drawn);
  }
}

TEST(TuningSpace, AtRandomThereAreNoEnsembles) {
  const FitOptions base = SmallOptions();
  for (size_t trial = 10; trial < 60; ++trial) {
    EXPECT_EQ(DrawTrial(base, kNothingFixed, 1, trial).members, 1U);
  }
}

TEST(TuningSpace, WhatIsFixedStays) {
  const FitOptions base = SmallOptions();
  const auto fixed = [](const std::string& flag) { return flag == "--hidden" || flag == "--bins"; };
  for (size_t trial = 10; trial < 40; ++trial) {  // those drawn at random
    const FitOptions drawn = DrawTrial(base, fixed, 1, trial);
    EXPECT_EQ(drawn.training.hidden, base.training.hidden);
    EXPECT_EQ(drawn.encoders.bins, base.encoders.bins);
    // The others are what they would be without that.
    EXPECT_EQ(drawn.training.learning_rate, DrawTrial(base, kNothingFixed, 1, trial).training.learning_rate);
  }
}

TEST(TuningState, GoesOnAfterACrashAndKnowsItsSearch) {
  const TestDirectory directory;
  const std::string path = directory.path() + "/t/outcomes.jsonl";
  {
    const auto state = TuningState::Open(directory.path() + "/t", "search 1").value();
    ASSERT_TRUE(state->Add({0, 0, 0.5, 1.5}).ok());
    ASSERT_TRUE(state->Add({1, 0, std::numeric_limits<double>::infinity(), 2}).ok());
    const auto rival = TuningState::Open(directory.path() + "/t", "search 1");
    EXPECT_THAT(std::string(rival.status().message()), HasSubstr("in use by another search"));
  }
  std::ofstream(path, std::ios::app) << R"({"trial":2,"rung":0,"lo)";  // killed while it wrote
  {
    const auto state = TuningState::Open(directory.path() + "/t", "search 1").value();
    ASSERT_EQ(state->outcomes().size(), 2U);
    EXPECT_EQ(state->outcomes()[0].loss, 0.5);
    EXPECT_TRUE(std::isinf(state->outcomes()[1].loss));
    ASSERT_TRUE(state->Add({2, 0, 0.4, 1}).ok());
  }
  EXPECT_EQ(TuningState::Open(directory.path() + "/t", "search 1").value()->outcomes().size(), 3U);
  EXPECT_THAT(std::string(TuningState::Open(directory.path() + "/t", "search 2").status().message()),
              HasSubstr("another search"));
}

class TuningTest : public ::testing::Test {
 protected:
  absl::StatusOr<TuningResult> Tune(double seconds, size_t trials) {
    const auto state = TuningState::Open(directory_.path(), "tuning").value();
    const TuningOptions tuning = {std::chrono::duration<double>(seconds), trials, kNothingFixed};
    const auto result =
        TuneOptions(data_, SmallOptions(), tuning, state.get(), [this](const TuningProgress& p) {
          jobs_.insert({p.job.trial, p.job.rung});
        });
    outcomes_ = state->outcomes();
    return result;
  }
  const Dataset data_ = SmallDataset(2000, 1);
  const TestDirectory directory_;
  std::set<std::pair<size_t, size_t>> jobs_;
  std::vector<TrialOutcome> outcomes_;
};

TEST_F(TuningTest, FindsWhatIsAtLeastAsGoodAndIsWhatAFitGives) {
  const TuningResult result = Tune(600, 5).value();
  EXPECT_TRUE(result.compared);
  EXPECT_LE(result.best_loss, result.default_loss);
  EXPECT_EQ(result.trials.size(), 5U);
  // An outcome with all rows is that of the fit which is published.
  const FittedModel fitted = FitModel(data_, result.best, [](const TrainingProgress&) {}).value();
  double loss = 0;
  for (const HeadFigures& figures : fitted.validation) loss += figures.log_loss;
  const size_t rungs = RungsFor(data_, SmallOptions()).size();
  for (const TrialOutcome& outcome : outcomes_) {
    if (outcome.trial == result.best_trial && outcome.rung == rungs - 2) {
      EXPECT_DOUBLE_EQ(outcome.loss, loss);
    }
  }
}

TEST_F(TuningTest, GoesOnWhereItStopped) {
  ASSERT_TRUE(Tune(600, 2).ok());
  const auto before = jobs_;
  jobs_.clear();
  ASSERT_TRUE(Tune(600, 4).ok());
  for (const auto& job : jobs_) EXPECT_FALSE(before.contains(job)) << job.first << " " << job.second;
  const std::vector<TrialOutcome> in_turns = outcomes_;
  std::filesystem::remove(directory_.path() + "/outcomes.jsonl");
  ASSERT_TRUE(Tune(600, 4).ok());
  // At once the same trials have the same losses; which get further may depend on the order.
  for (const TrialOutcome& outcome : outcomes_) {
    for (const TrialOutcome& other : in_turns) {
      if (outcome.trial != other.trial || outcome.rung != other.rung) continue;
      EXPECT_EQ(outcome.loss, other.loss);
    }
  }
}

TEST_F(TuningTest, WithoutTimeTheDefaultIsLeft) {
  const TuningResult result = Tune(-1, 10).value();
  EXPECT_FALSE(result.compared);
  EXPECT_EQ(result.best_trial, kDefaultTrial);
  EXPECT_EQ(DescribeTrial(SmallOptions(), result.best), "");
}

TEST(Tuning, ValidationRowsAreTheSameAtEveryRung) {
  // 20,000 rows have positives enough for a first rung of a quarter.
  const Dataset data = SmallDataset(20'000, 2);
  for (const SplitKind split : {SplitKind::kTail, SplitKind::kRandom}) {
    FitOptions options = SmallOptions();
    options.split = split;
    EXPECT_EQ(RungsFor(data, options).size(), 3U);
  }
  EXPECT_EQ(RungsFor(SmallDataset(800, 2), SmallOptions()).size(), 2U);
}

class TuneCliTest : public CliTest {
 protected:
  std::vector<std::string> TuneCommand(const std::string& data, std::vector<std::string> more) {
    std::vector<std::string> arguments = Fit(data, {"--epochs", "1", "--hidden", "4", "--threads", "1"});
    arguments[0] = "tune";
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
};

TEST_F(TuneCliTest, PublishesAndShowsItsTrials) {
  const std::string log = Generated(2000);
  const Outcome tuned = RunCommand(TuneCommand(log, {"--trials", "3", "--json"}));
  ASSERT_EQ(tuned.code, 0) << tuned.err;
  const nlohmann::json json = nlohmann::json::parse(tuned.out);
  EXPECT_EQ(json["version"], 1);
  EXPECT_EQ(json["tune"]["trials"].size(), 3U);
  EXPECT_LE(json["tune"]["best_loss"], json["tune"]["default_loss"]);
  for (const nlohmann::json& trial : json["tune"]["trials"]) {
    EXPECT_THAT(trial["flags"].get<std::string>(), ::testing::Not(HasSubstr("--hidden"))) << "it was given";
  }
  EXPECT_EQ(RunCommand(Evaluate(log)).code, 0);
  // Once more: nothing is left to try, and the same model comes out.
  const Outcome again = RunCommand(TuneCommand(log, {"--trials", "3"}));
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_THAT(again.out,
              ::testing::AllOf(HasSubstr("3 trials"), HasSubstr("(the default)"), HasSubstr("version 2")));
}

TEST_F(TuneCliTest, OtherDataIsAnotherSearch) {
  ASSERT_EQ(RunCommand(TuneCommand(Generated(1000), {"--trials", "1"})).code, 0);
  const Outcome other = RunCommand(TuneCommand(Generated(1001), {"--trials", "1"}));
  EXPECT_EQ(other.code, 1);
  EXPECT_THAT(other.err, ::testing::AllOf(HasSubstr("another search"), HasSubstr("--tune-dir")));
}

TEST_F(TuneCliTest, ABudgetIsATime) {
  ExpectBadUsage(RunCommand(TuneCommand("a.csv", {"--budget", "soon"})), {"--budget", "10m"});
  ExpectBadUsage(RunCommand(TuneCommand("a.csv", {"--budget", "-5"})), {"--budget"});
  ExpectBadUsage(RunCommand(TuneCommand("a.csv", {"--budget", "0"})), {"--budget"});
}

TEST_F(TuneCliTest, AfterCtrlCItGoesOn) {
  const std::string log = Generated(2000);
  std::vector<std::string> command = TuneCommand(log, {"--trials", "100000", "--budget", "10m"});
  command.insert(command.begin(), ADSCORE_TRAINER);
  adscore::testing::Program tune(command, directory_.path() + "/errors");
  const std::string outcomes = directory_.path() + "/M/m/.tune/outcomes.jsonl";
  for (int i = 0; Lines(ReadFile(outcomes)) < 4; ++i) {
    ASSERT_LT(i, 3000) << tune.errors();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  tune.Signal(SIGINT);
  EXPECT_EQ(tune.Wait(), 130) << tune.errors();
  EXPECT_THAT(tune.errors(), HasSubstr("goes on from there"));
  EXPECT_FALSE(std::filesystem::exists(directory_.path() + "/M/m/1"));
  const size_t known = Lines(ReadFile(outcomes));
  const Outcome again = RunCommand(TuneCommand(log, {"--trials", "2", "--json"}));
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_GE(Lines(ReadFile(outcomes)), known);
}

}  // namespace
}  // namespace adscore::trainer

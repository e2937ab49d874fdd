// Heads that follow others: what is learnt, calibrated and served of them is a product.
#include "trainer/entire_space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#include "model/model.h"
#include "tests/trainer/cli_fixture.h"
#include "trainer/calibration.h"
#include "trainer/evaluation.h"
#include "trainer/fit.h"
#include "trainer/loss.h"
#include "trainer/random.h"

namespace adscore::trainer {
namespace {

using ::testing::HasSubstr;

const auto kQuietly = [](const TrainingProgress&) {};
const std::vector<model::Label> kLabels = {{"click", ""}, {"conversion", ""}};

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// SmallDataset, in which nothing converts without a click.
Dataset Chained(size_t rows, uint64_t seed) {
  Dataset data = SmallDataset(rows, seed);
  for (size_t row = 0; row < rows; ++row) data.labels[1][row] &= data.labels[0][row];
  return data;
}

FitOptions SmallOptions() {
  FitOptions options;
  options.labels = kLabels;
  options.after = std::vector{HeadAfter{"conversion", "click"}};
  options.training.hidden = {16, 8};
  options.training.batch_size = 64;
  options.training.epochs = 5;
  options.training.learning_rate = 0.01F;
  return options;
}

TEST(Products, AreThoseOfTheFactors) {
  const Chains chains = {std::nullopt, 0, 1, std::nullopt, 0};
  const std::vector<float> logits = {0.3F, -1.2F, 2, -0.4F, 5};
  const Products products(chains, logits);
  const double click = Sigmoid(logits[0]);
  const double conversion = click * Sigmoid(logits[1]);
  EXPECT_NEAR(Sigmoid(products.LogOdds(0)), click, 1e-12);
  EXPECT_NEAR(Sigmoid(products.LogOdds(1)), conversion, 1e-12);
  EXPECT_NEAR(Sigmoid(products.LogOdds(2)), conversion * Sigmoid(logits[2]), 1e-12);
  EXPECT_NEAR(products.LogOdds(3), logits[3], 1e-12);
  EXPECT_NEAR(Sigmoid(products.LogOdds(4)), click * Sigmoid(logits[4]), 1e-12);
}

TEST(Products, StayNumbersWhereverTheLogitsAre) {
  const Chains chains = {std::nullopt, 0};
  for (const float a : {-1e30F, -800.0F, 0.0F, 800.0F, 1e30F}) {
    for (const float b : {-1e30F, -800.0F, 0.0F, 800.0F, 1e30F}) {
      const std::vector<float> logits = {a, b};
      for (const uint8_t label : {0, 1}) {
        float deltas[2];
        EXPECT_TRUE(
            std::isfinite(LossOfRow({.chains = chains}, logits, std::vector<uint8_t>{label, label}, deltas)))
            << a << " " << b;
        for (const float delta : deltas) EXPECT_LE(std::abs(delta), 2) << a << " " << b;
      }
    }
  }
}

// Against differences of the loss, with weights and with a label that is not known.
TEST(Products, TheSlopeOfTheirLossIsThatOfEveryFactor) {
  const LossWeights weights{
      .row = 0.5F, .negative_row = 3, .positives = {1, 4, 0.3F}, .chains = {std::nullopt, 0, 1}};
  for (const std::vector<uint8_t>& labels : {std::vector<uint8_t>{0, 0, 0},
                                             {1, 0, 0},
                                             {1, 1, 0},
                                             {1, 1, 1},
                                             {1, 1, kUnknownLabel},
                                             {0, kUnknownLabel, 0}}) {
    const std::vector<float> logits = {0.7F, -0.9F, 1.4F};
    float deltas[3];
    LossOfRow(weights, logits, labels, deltas);
    for (size_t h = 0; h < 3; ++h) {
      constexpr float kStep = 1e-2F;
      float ignored[3];
      std::vector<float> moved = logits;
      moved[h] += kStep;
      const double above = LossOfRow(weights, moved, labels, ignored);
      moved[h] = logits[h] - kStep;
      const double below = LossOfRow(weights, moved, labels, ignored);
      EXPECT_NEAR(deltas[h], (above - below) / (2 * kStep), 2e-3) << h;
    }
  }
}

TEST(Chains, AreParsed) {
  EXPECT_EQ(ParseAfter("auto").value(), std::nullopt);
  EXPECT_TRUE(ParseAfter("none").value()->empty());
  const std::vector<HeadAfter> both = {{"click", "visit"}, {"buy", "click"}};
  EXPECT_EQ(ParseAfter("click:visit,buy:click").value(), both);
  for (const char* wrong : {"", "click", ":click", "click:", "a:b,", "none,a:b"}) {
    EXPECT_THAT(std::string(ParseAfter(wrong).status().message()), HasSubstr("conversion:click")) << wrong;
  }
  EXPECT_THAT(std::string(ParseAfter("buy:click,buy:visit").status().message()),
              HasSubstr("'buy' can follow one"));
}

TEST(Chains, WhatCanNotFollowIsRefusedByName) {
  Dataset data = Chained(1000, 1);
  EXPECT_EQ(ResolveChains({HeadAfter{"conversion", "click"}}, kLabels, data).value(),
            (Chains{std::nullopt, 0}));
  EXPECT_TRUE(ResolveChains({}, kLabels, data).value().empty());
  const auto refusal = [&](const HeadAfter& after) {
    return std::string(ResolveChains({after}, kLabels, data).status().message());
  };
  EXPECT_THAT(refusal({"sale", "click"}), HasSubstr("'sale', which is none of the labels"));
  EXPECT_THAT(refusal({"conversion", "visit"}), HasSubstr("'visit'"));
  EXPECT_THAT(refusal({"click", "conversion"}), HasSubstr("--label must name conversion before click"));
  EXPECT_THAT(refusal({"click", "click"}), HasSubstr("before"));
  data.labels[0][7] = 0;
  data.labels[1][7] = 1;
  EXPECT_THAT(refusal({"conversion", "click"}),
              HasSubstr("1 of 1000 rows are positive for conversion and not"));
  data.labels[1][7] = kUnknownLabel;
  EXPECT_TRUE(ResolveChains({HeadAfter{"conversion", "click"}}, kLabels, data).ok());
}

TEST(Chains, AreInferredWhereChanceWouldNotMakeThem) {
  const Dataset data = Chained(1000, 1);
  const std::vector<uint32_t> rows = AllRows(data);
  EXPECT_EQ(InferChains(data, rows), (Chains{std::nullopt, 0}));
  // So few rows have too few positives to tell.
  EXPECT_TRUE(InferChains(data, std::span<const uint32_t>(rows).first(10)).empty());
  Dataset broken = Chained(1000, 1);
  const auto unclicked = std::find(broken.labels[0].begin(), broken.labels[0].end(), 0);
  broken.labels[1][static_cast<size_t>(unclicked - broken.labels[0].begin())] = 1;
  EXPECT_TRUE(InferChains(broken, rows).empty());
  // The nearest head is followed, and no head follows its equal.
  Dataset three = Chained(1000, 1);
  three.labels.insert(three.labels.begin(), std::vector<uint8_t>(1000, 1));
  std::fill_n(three.labels[0].begin(), 5, uint8_t{0});
  std::fill_n(three.labels[1].begin(), 5, uint8_t{0});
  std::fill_n(three.labels[2].begin(), 5, uint8_t{0});
  three.labels.push_back(three.labels[2]);
  const Chains chains = InferChains(three, rows);
  ASSERT_EQ(chains.size(), 4U);
  EXPECT_EQ(chains[2], 1U);
  EXPECT_EQ(chains[3], 1U);
}

TEST(MoveToSum, MakesTheProductsSumThePositives) {
  Random random(3);
  std::vector<float> logits;
  std::vector<double> others;
  double positives = 0;
  for (size_t i = 0; i < 20'000; ++i) {
    logits.push_back(static_cast<float>(random.Normal()));
    others.push_back(0.05 + 0.4 * random.Uniform());
    positives += others.back() * Sigmoid(logits.back() - 0.5);
  }
  for (model::Calibrator calibrator :
       {model::Calibrator{}, model::Calibrator{1, 0, {{-1, -1.2F}, {1, 0.6F}}}}) {
    MoveToSum(logits, positives, others, &calibrator);
    double sum = 0;
    for (size_t i = 0; i < logits.size(); ++i) sum += others[i] * model::Calibrate(calibrator, logits[i]);
    EXPECT_NEAR(sum / positives, 1, 1e-4);
  }
  model::Calibrator unmoved;
  MoveToSum({}, 0, {}, &unmoved);
  EXPECT_EQ(unmoved, model::Calibrator{});
  // No curve with a tie, which no snapshot may have.
  model::Calibrator close{1, 0, {{-1, 1e-12F}, {0, 2e-12F}, {1, 1}}};
  MoveToSum(logits, positives, others, &close);
  for (size_t i = 1; i < close.knots.size(); ++i) EXPECT_GT(close.knots[i].to, close.knots[i - 1].to);
}

TEST(EntireSpace, TheServedProductIsCalibratedAndNeverAboveWhatItFollows) {
  const Dataset data = Chained(16'000, 1);
  for (const CalibrationKind kind : {CalibrationKind::kPlatt, CalibrationKind::kIsotonic}) {
    FitOptions options = SmallOptions();
    options.calibration = kind;
    options.validation_share = 0.3;
    options.members = kind == CalibrationKind::kPlatt ? 1 : 2;
    const absl::StatusOr<FittedModel> fitted = FitModel(data, options, kQuietly);
    ASSERT_TRUE(fitted.ok()) << fitted.status();
    const model::Snapshot& snapshot = fitted->model->snapshot();
    EXPECT_EQ(snapshot.heads[0].after, std::nullopt);
    EXPECT_EQ(snapshot.heads[1].after, 0U);
    EXPECT_LT(*fitted->validation[1].normalized_entropy, 0.95);
    EXPECT_NEAR(*fitted->validation[1].calibration, 1, 0.12);
    EXPECT_NEAR(snapshot.heads[1].base_rate, fitted->validation[1].base_rate, 0.02) << "of all rows";
    for (const model::KernelSet* kernels : model::AvailableKernelSets(model::Precision::kF32)) {
      const model::Model served(snapshot, *kernels);
      EXPECT_LT(served.GoldenError(), 1e-5F) << kernels->name;
      const std::vector<float> probabilities = ScoreRows(served, data, AllRows(data)).value();
      for (size_t i = 0; i < probabilities.size(); i += 2) ASSERT_LE(probabilities[i + 1], probabilities[i]);
    }
  }
}

// Of a log without clicks in most rows, the conversion head learns from all of them: its factor starts at the
// rate among the clicks.
TEST(EntireSpace, WhatTheRowsShowIsSaid) {
  FitOptions options = SmallOptions();
  options.after = std::nullopt;
  options.training.epochs = 1;
  const FittedModel inferred = FitModel(Chained(3000, 2), options, kQuietly).value();
  EXPECT_EQ(inferred.model->snapshot().heads[1].after, 0U);
  ASSERT_FALSE(inferred.notices.empty());
  EXPECT_THAT(inferred.notices[0], HasSubstr("'conversion' is positive only where 'click' is"));
  const FittedModel independent = FitModel(SmallDataset(3000, 2), options, kQuietly).value();
  EXPECT_EQ(independent.model->snapshot().heads[1].after, std::nullopt);
  options.after = std::vector{HeadAfter{"sale", "click"}};
  EXPECT_THAT(std::string(FitModel(Chained(500, 1), options, kQuietly).status().message()),
              HasSubstr("'sale'"));
}

using EntireSpaceCliTest = CliTest;

TEST_F(EntireSpaceCliTest, EveryCommandKnowsWhatFollowsWhat) {
  const std::string data = Generated(4000);
  const std::vector<std::string> small = {"--label", "click,conversion", "--epochs", "1", "--hidden", "8",
                                          "--json"};
  const auto fit = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"fit",     "--data", data, "--model-root", directory_.path() + "/M",
                                          "--model", "m"};
    arguments.insert(arguments.end(), small.begin(), small.end());
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunCommand(arguments);
  };
  const Outcome first = fit({"--after", "conversion:click"});
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_EQ(nlohmann::json::parse(first.out)["after"]["conversion"], "click");

  const Outcome inspected = RunCommand({"inspect", directory_.path() + "/M/m/1", "--json"});
  ASSERT_EQ(inspected.code, 0) << inspected.err;
  const nlohmann::json heads = nlohmann::json::parse(inspected.out)["heads"];
  EXPECT_FALSE(heads[0].contains("after"));
  EXPECT_EQ(heads[1]["after"], "click");
  EXPECT_THAT(RunCommand({"inspect", directory_.path() + "/M/m/1"}).out, HasSubstr("given click"));

  const std::string predictions = directory_.path() + "/p.tsv";
  const Outcome evaluated = RunCommand(Evaluate(data, {"--predictions", predictions}));
  ASSERT_EQ(evaluated.code, 0) << evaluated.err;
  std::istringstream rows(ReadFile(predictions));
  std::string header;
  std::getline(rows, header);
  EXPECT_EQ(header, "click\tconversion");
  size_t read = 0;
  for (double click = 0, conversion = 0; rows >> click >> conversion; ++read) ASSERT_LE(conversion, click);
  EXPECT_EQ(read, 4000U);

  // A warm start goes on as it was, and refuses anything else.
  const Outcome warm = fit({"--warm-start", "latest"});
  ASSERT_EQ(warm.code, 0) << warm.err;
  EXPECT_EQ(nlohmann::json::parse(warm.out)["after"]["conversion"], "click");
  ExpectFailure(fit({"--warm-start", "latest", "--after", "none"}), {"--after none", "conversion:click"});
  const Outcome reversed = fit({"--after", "click:conversion"});
  EXPECT_EQ(reversed.code, 1);
  EXPECT_THAT(reversed.err, HasSubstr("--label must name conversion before click"));
  ExpectBadUsage(fit({"--after", "conversion"}), {"--after", "conversion:click"});
}

}  // namespace
}  // namespace adscore::trainer

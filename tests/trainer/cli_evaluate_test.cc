// `evaluate --slice` and `--compare` on the command line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/trainer/cli_fixture.h"

namespace adscore::trainer {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

TEST_F(CliTest, SlicesAddUpToTheWhole) {
  const std::string data = Generated(3000);
  ASSERT_EQ(RunCommand(Fit(data, {"--epochs", "1"})).code, 0);
  const Outcome outcome = RunCommand(Evaluate(data, {"--slice", "site,hour", "--json"}));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json json = Json::parse(outcome.out);
  ASSERT_EQ(json["slices"].size(), 2U);
  for (const Json& column : json["slices"]) {
    uint64_t rows = 0;
    uint64_t positives = 0;
    double loss = 0;
    EXPECT_GT(column.size(), 2U);
    for (const Json& slice : column) {
      const Json& figures = slice["heads"]["click"];
      rows += figures["rows"].get<uint64_t>();
      positives += figures["positives"].get<uint64_t>();
      loss += figures["rows"].get<double>() * figures["log_loss"].get<double>();
    }
    EXPECT_EQ(rows, 3000U);
    EXPECT_EQ(positives, json["heads"]["click"]["positives"]);
    EXPECT_NEAR(loss / 3000, json["heads"]["click"]["log_loss"].get<double>(), 1e-6);
  }
  EXPECT_THAT(RunCommand(Evaluate(data, {"--slice", "site"})).out, HasSubstr("click by site"));
}

TEST_F(CliTest, EveryFigureHasAnIntervalAroundIt) {
  const std::string data = Generated(2000);
  ASSERT_EQ(RunCommand(Fit(data, {"--epochs", "1"})).code, 0);
  const Json click = Json::parse(RunCommand(Evaluate(data, {"--json"})).out)["heads"]["click"];
  for (const char* figure : {"auc", "pr_auc", "log_loss", "normalized_entropy", "calibration"}) {
    EXPECT_LT(click["intervals"][figure][0], click[figure]) << figure;
    EXPECT_GT(click["intervals"][figure][1], click[figure]) << figure;
  }
  const Json other = Json::parse(RunCommand(Evaluate(data, {"--json", "--threads", "3"})).out);
  EXPECT_EQ(other["heads"]["click"], click);
}

TEST_F(CliTest, CompareSaysWhichVersionIsBetter) {
  const std::string data = Generated(6000);
  ASSERT_EQ(RunCommand(Fit(data, {"--epochs", "1", "--hidden", "none", "--learning-rate", "0.00001"})).code,
            0);
  ASSERT_EQ(RunCommand(Fit(data, {"--epochs", "4", "--ignore", "hour"})).code, 0);
  const Outcome outcome = RunCommand(Evaluate(data, {"--compare", "1", "--json"}));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json comparison = Json::parse(outcome.out)["comparison"];
  EXPECT_EQ(comparison["first"], "version 2");
  EXPECT_EQ(comparison["second"], "version 1");
  EXPECT_EQ(comparison["heads"]["click"]["winner"], "first");
  EXPECT_LT(comparison["heads"]["click"]["intervals"]["log_loss_difference"][1], 0);
  EXPECT_THAT(RunCommand(Evaluate(data, {"--compare", "1"})).out,
              HasSubstr("version 2 is better than version 1"));
  const std::string directory = directory_.path() + "/M/m/2";
  EXPECT_THAT(RunCommand(Evaluate(data, {"--version", "1", "--compare", directory})).out,
              HasSubstr("version 1 is worse than " + directory));
  const Json same = Json::parse(RunCommand(Evaluate(data, {"--compare", "2", "--json"})).out)["comparison"];
  EXPECT_EQ(same["heads"]["click"]["winner"], "neither");
  EXPECT_EQ(same["heads"]["click"]["log_loss_difference"], 0.0);
}

TEST_F(CliTest, WhatCanNotBeSlicedOrComparedIsRefusedWithAWayOut) {
  const std::string data = TinyLog("1", "0");
  ASSERT_EQ(RunCommand(Fit(data, {"--epochs", "1"})).code, 0);
  ExpectFailure(RunCommand(Evaluate(data, {"--slice", "shop"})), {"--slice 'shop'", "click, x"});
  ExpectFailure(RunCommand(Evaluate(data, {"--compare", "7"})), {"--compare 7", "there are 1"});
  ExpectFailure(RunCommand(Evaluate(data, {"--compare", "nowhere"})), {"--compare nowhere", "ROOT/NAME/3"});
  const std::string unlabelled = directory_.File("unlabelled.csv", "x\n1.5\n2\n");
  ExpectFailure(RunCommand(Evaluate(unlabelled, {"--slice", "x"})), {"--slice", "'click'"});
  ExpectFailure(RunCommand(Evaluate(unlabelled, {"--compare", "1"})), {"--compare", "'click'"});
}

TEST_F(CliTest, NamesThatAreWrittenInAnotherWayAreSaid) {
  const auto log = [this](const std::string& name, const std::string& after, size_t rows) {
    std::string text = "click,campaign_id\n";
    for (size_t row = 0; row < rows; ++row) {
      text += std::string(row % 4 == 0 ? "1," : "0,") + std::to_string(100 + row * 7 % 19) + after + "\n";
    }
    return directory_.File(name, text);
  };
  ASSERT_EQ(RunCommand(Fit(log("log.csv", "", 2000), {"--epochs", "1", "--hidden", "none"})).code, 0);
  // More than one block of rows: what was counted in one must not be counted again in the next.
  const Outcome floats = RunCommand(Evaluate(log("floats.csv", ".0", 70'000)));
  EXPECT_EQ(floats.code, 0);
  EXPECT_THAT(floats.err, HasSubstr("column 'campaign_id': the model knows 0 of its 70000 names"));
  EXPECT_THAT(RunCommand(Evaluate(log("same.csv", "", 2000))).err, ::testing::Not(HasSubstr("names")));
}

}  // namespace
}  // namespace adscore::trainer

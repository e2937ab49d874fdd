#include "trainer/cli.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/trainer/cli_fixture.h"

namespace adscore::trainer {
namespace {

using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::json;

TEST_F(CliTest, WhatFitPublishesEvaluateScoresAndInspectShows) {
  const std::string data = Generated(8000);
  const std::string root = directory_.path() + "/M";
  const Outcome fit = RunCommand({"fit", "--data", data, "--label", "click,conversion", "--model-root", root,
                                  "--model", "ads", "--context", "site,hour", "--epochs", "2", "--json"});
  ASSERT_EQ(fit.code, 0) << fit.err;
  const Json fitted = Json::parse(fit.out);
  EXPECT_EQ(fitted["version"], 1);
  EXPECT_GT(fitted["rows_per_second"], 0);
  EXPECT_EQ(fitted["rows"], 8000);
  EXPECT_EQ(fitted["validation"]["rows"], 800);
  EXPECT_LT(fitted["validation"]["heads"]["click"]["normalized_entropy"], 1.0);
  const Json manifest = Json::parse(ReadFile(root + "/ads/1/manifest.json"));
  EXPECT_EQ(manifest["version"], 1);
  EXPECT_EQ(manifest["validation"]["click"]["auc"], fitted["heads"]["click"]["auc"]);

  const std::string predictions = directory_.path() + "/p.tsv";
  const Outcome evaluate = RunCommand({"evaluate", "--model-root", root, "--model", "ads", "--data", data,
                                       "--predictions", predictions, "--json"});
  ASSERT_EQ(evaluate.code, 0) << evaluate.err;
  const Json evaluated = Json::parse(evaluate.out);
  EXPECT_EQ(evaluated["rows"], 8000);
  EXPECT_NEAR(evaluated["heads"]["click"]["calibration"], 1, 0.3);
  EXPECT_TRUE(evaluated["heads"]["conversion"].contains("ece"));
  const std::string lines = ReadFile(predictions);
  EXPECT_EQ(Lines(lines), 8001U);
  EXPECT_EQ(lines.substr(0, lines.find('\n')), "click\tconversion");

  const Outcome inspect = RunCommand({"inspect", root + "/ads/1", "--json"});
  ASSERT_EQ(inspect.code, 0) << inspect.err;
  const Json inspected = Json::parse(inspect.out);
  EXPECT_LT(inspected["golden_error"], 1e-5);
  EXPECT_EQ(inspected["heads"].size(), 2U);
  EXPECT_EQ(fitted["training_rows"], 7200) << "what was measured learnt from the tuning rows too";
  EXPECT_EQ(fitted["published_rows"], 8000) << "and what was published from the validation rows as well";
  EXPECT_EQ(inspected["training_rows"], fitted["published_rows"]);
  EXPECT_EQ(manifest["data"]["published_rows"], fitted["published_rows"]);
  EXPECT_EQ(manifest["data"]["training_rows"], fitted["training_rows"]);
  EXPECT_EQ(RunCommand({"inspect", root + "/ads/1"}).code, 0);
}

TEST_F(CliTest, TheFiguresAreThoseOfTheModelThatHasNotSeenTheValidationRows) {
  const std::string data = Generated(4000);
  const Json measured = Json::parse(RunCommand(Fit(data, {"--epochs", "1", "--json", "--no-refit"})).out);
  EXPECT_EQ(measured["published_rows"], measured["training_rows"]);
  const Json refitted = Json::parse(RunCommand(Fit(data, {"--epochs", "1", "--json"})).out);
  EXPECT_EQ(refitted["heads"], measured["heads"]);
  EXPECT_EQ(refitted["verdict"], measured["verdict"]);
  EXPECT_EQ(refitted["published_rows"], 4000);
  const Outcome inspect = RunCommand({"inspect", directory_.path() + "/M/m/2", "--json"});
  EXPECT_LT(Json::parse(inspect.out)["golden_error"], 1e-5);
}

TEST_F(CliTest, ValidationFiguresAreThoseOfEvaluateOnTheSameRows) {
  const std::string data = Generated(4000);
  const Json fitted = Json::parse(RunCommand(Fit(data, {"--epochs", "1", "--json", "--no-refit"})).out);
  // The last tenth of the file as a file of its own.
  std::istringstream lines(ReadFile(data));
  std::string tail;
  std::string line;
  for (int i = 0; std::getline(lines, line); ++i) {
    if (i == 0 || i > 3600) tail += line + "\n";
  }
  const std::string path = directory_.File("tail.csv", tail);
  const Json evaluated = Json::parse(RunCommand({"evaluate", "--model-root", directory_.path() + "/M",
                                                 "--model", "m", "--data", path, "--json"})
                                         .out);
  EXPECT_EQ(evaluated["heads"]["click"], fitted["heads"]["click"]);
}

TEST_F(CliTest, WithoutLabelColumnsEvaluateWritesPredictionsOnly) {
  const std::string data = TinyLog("1", "0");
  ASSERT_EQ(RunCommand(Fit(data, {"--epochs", "1"})).code, 0);
  const std::string unlabelled = directory_.File("unlabelled.csv", "x\n1.5\n\n2\nhuh\n");
  const std::string predictions = directory_.path() + "/p.tsv";
  const Outcome outcome = RunCommand({"evaluate", "--model-root", directory_.path() + "/M", "--model", "m",
                                      "--data", unlabelled, "--predictions", predictions, "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(Json::parse(outcome.out)["heads"].empty());
  EXPECT_THAT(outcome.err, HasSubstr("no label columns"));
  EXPECT_EQ(Lines(ReadFile(predictions)), 1 + Json::parse(outcome.out)["rows"].get<size_t>());
}

TEST_F(CliTest, TheSameSeedGivesTheSameBytesForAnyNumberOfThreads) {
  const std::string data = Generated(3000);
  setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
  EXPECT_EQ(RunCommand(Fit(data, {"--epochs", "2", "--threads", "1"})).code, 0);
  // Out of the way: a snapshot says which version it follows.
  std::filesystem::rename(directory_.path() + "/M", directory_.path() + "/first");
  EXPECT_EQ(RunCommand(Fit(data, {"--epochs", "2", "--threads", "3"})).code, 0);
  unsetenv("SOURCE_DATE_EPOCH");
  EXPECT_TRUE(ReadFile(directory_.path() + "/first/m/1/snapshot") ==
              ReadFile(directory_.path() + "/M/m/1/snapshot"));
}

TEST_F(CliTest, TheSummarySaysWhereTheSnapshotIsAndHowToServeIt) {
  const Outcome outcome = RunCommand(Fit(TinyLog("1", "0"), {"--epochs", "1"}));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr(directory_.path() + "/M/m/1/snapshot"));
  EXPECT_THAT(outcome.out, HasSubstr("adscore-server --model-root"));
  EXPECT_THAT(outcome.out, HasSubstr("calibration"));
}

TEST_F(CliTest, FitJudgesItsModelAndValidatesProgressively) {
  const std::string data = Generated(3000);
  const Outcome outcome = RunCommand(Fit(data, {"--epochs", "1", "--progressive", "2", "--json"}));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json json = Json::parse(outcome.out);
  EXPECT_THAT(json["verdict"]["click"]["versus_base_rate"]["verdict"], HasSubstr("base rate"));
  EXPECT_EQ(json["verdict"]["click"]["versus_logistic_regression"]["rows"], 300);
  EXPECT_EQ(json["progressive"]["parts"].size(), 2U);
  EXPECT_EQ(json["progressive"]["pooled"]["click"]["rows"], 1500);
  EXPECT_THAT(RunCommand(Fit(data, {"--epochs", "1"})).out, HasSubstr("verdict on click: "));
  ExpectFailure(RunCommand(Fit(data, {"--progressive", "2", "--split", "random"})),
                {"--progressive", "--split random"});
}

TEST_F(CliTest, WrongDataIsRefusedInOneLineThatSaysWhatToDo) {
  ExpectFailure(RunCommand(Fit(directory_.path() + "/none.csv")), {"none.csv"});
  ExpectFailure(RunCommand(Fit(directory_.File("empty.csv", ""))), {"empty.csv", "empty"});
  ExpectFailure(RunCommand(Fit(directory_.File("other.csv", "shown,x\n1,2\n0,3\n"))), {"click", "shown"});
  ExpectFailure(RunCommand(Fit(directory_.File("ragged.csv", "click,x\n1,2\n0,3\n0\n1,1\n"))),
                {"ragged.csv", "4"});
  ExpectFailure(RunCommand(Fit(directory_.File("few.csv", "click,x\n1,2\n0,3\n1,4\n"))),
                {"3 rows", "too few"});
  EXPECT_FALSE(std::filesystem::exists(directory_.path() + "/M"));
}

TEST_F(CliTest, ALabelThatIsNeverPositiveIsShownWithItsValues) {
  std::vector<std::string> arguments = Fit(TinyLog("won", "lost"));
  arguments[4] = "click=bought";
  ExpectFailure(RunCommand(arguments),
                {"'click'", "never positive", "'lost' (300 rows)", "'won' (100 rows)", "--label click="});
  ExpectFailure(RunCommand(Fit(TinyLog("0", "0"))), {"never positive", "'0' (400 rows)"});
  ExpectFailure(RunCommand(Fit(TinyLog("1", "1"))), {"always positive"});
}

TEST_F(CliTest, HelpNamesUnitsAndDefaultsAndExitsWithZero) {
  const Outcome outcome = RunCommand({"fit", "--help"});
  EXPECT_EQ(outcome.code, 0);
  for (const char* flag : {"--data",   "--label",         "--model-root",  "--model",      "--format",
                           "--schema", "--ignore",        "--context",     "--validation", "--split",
                           "--hidden", "--embedding-dim", "--epochs",      "--batch-size", "--learning-rate",
                           "--seed",   "--threads",       "--progressive", "--report",     "--json"}) {
    EXPECT_THAT(outcome.out, HasSubstr(flag));
  }
}

TEST_F(CliTest, CellsThatAreNoNumbersAreReported) {
  std::string text = "click,x\n";
  for (int i = 0; i < 400; ++i) {
    text += std::to_string(i % 3 == 0) + "," + (i == 7 || i == 50 ? "1;5" : std::to_string(i) + ".5") + "\n";
  }
  const std::string data = directory_.File("decimals.csv", text);
  const Outcome fit = RunCommand(Fit(data, {"--epochs", "1", "--json", "--format", "csv"}));
  ASSERT_EQ(fit.code, 0) << fit.err;
  const std::string notice =
      "column 'x': 2 of 400 cells (0.5%) are no numbers and count as missing; the first "
      "one is '1;5'";
  EXPECT_EQ(Json::parse(fit.out)["notices"], Json::array({notice}));
  EXPECT_THAT(fit.err, HasSubstr(notice));
  EXPECT_THAT(RunCommand(Evaluate(data)).err, HasSubstr(notice));
}

TEST_F(CliTest, ValidationRowsHaveNoSayInTheSchema) {
  std::string text = "click,x,late\n";
  for (int i = 0; i < 400; ++i) {
    text += std::to_string(i % 3 == 0) + "," + std::to_string(i % 7) + ".5," + (i < 360 ? "a" : "b") + "\n";
  }
  const std::string data = directory_.File("late.csv", text);
  const Outcome fit = RunCommand(Fit(data, {"--epochs", "1"}));
  ASSERT_EQ(fit.code, 0) << fit.err;
  EXPECT_THAT(fit.err, HasSubstr("'late' is left out: it has the same value in every row (in the 360 rows"));
  EXPECT_THAT(fit.out, Not(HasSubstr("'late'"))) << "a notice is given once";
}

TEST_F(CliTest, EvaluateNamesTheVersionsThatThereAre) {
  ASSERT_EQ(RunCommand(Fit(TinyLog("1", "0"), {"--epochs", "1"})).code, 0);
  const std::string root = directory_.path() + "/M";
  const std::string data = directory_.path() + "/tiny.csv";
  ExpectFailure(
      RunCommand({"evaluate", "--model-root", root, "--model", "m", "--version", "9", "--data", data}),
      {"9", "there are 1"});
  ExpectFailure(RunCommand({"evaluate", "--model-root", root, "--model", "other", "--data", data}),
                {"other"});
  ExpectFailure(RunCommand({"inspect", root + "/m/9"}), {root + "/m/9"});
}

TEST_F(CliTest, ASchemaOfOnesOwnIsUsedAsItIs) {
  const std::string data = TinyLog("1", "0");
  const std::string schema = directory_.File(
      "schema.json", R"({"features": [{"name": "x", "kind": "categorical", "role": "context"}]})");
  ASSERT_EQ(RunCommand(Fit(data, {"--epochs", "1", "--schema", schema})).code, 0);
  EXPECT_THAT(RunCommand({"inspect", directory_.path() + "/M/m/1"}).out, HasSubstr("context"));
  ExpectFailure(RunCommand(Fit(data, {"--schema", directory_.File("bad.json", "{")})), {"bad.json"});
}

}  // namespace
}  // namespace adscore::trainer

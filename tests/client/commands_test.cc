// The subcommands against a fake server: what they print, and what they say when things go wrong.
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "absl/strings/str_format.h"
#include "client/bench_command.h"
#include "client/impression_file.h"
#include "client/load_generator.h"
#include "client/model_command.h"
#include "client/predict_command.h"
#include "client/rollout_command.h"
#include "client/synthetic_impressions.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/client/fake_server.h"

namespace adscore::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int64_t kPatientMs = 30'000;

class CommandsTest : public ::testing::Test {
 protected:
  CommandsTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "client_commands_XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~CommandsTest() override { std::filesystem::remove_all(directory_); }

  std::string WriteFile(const std::string& text) {
    const std::string path = directory_ / "impressions.csv";
    std::ofstream(path) << text;
    return path;
  }

  // bid = row ÷ 1024, which a float and ten decimals hold exactly.
  std::string WriteRows(int rows) {
    std::string text = "click,ad,bid,hour\n";
    for (int i = 0; i < rows; ++i) absl::StrAppendFormat(&text, "0,a%d,%.10f,%d\n", i, i / 1024.0, i % 24);
    return WriteFile(text);
  }

  ConnectionOptions Connection() {
    return {.target = server_.target(), .model = "ads", .deadline_ms = kPatientMs};
  }

  FakeServer server_;
  std::filesystem::path directory_;
  std::ostringstream out_;
};

using PredictTest = CommandsTest;

TEST_F(PredictTest, WritesOneRowPerInputRowInOrderWhateverTheOrderOfAnswers) {
  const PredictOptions options{.connection = Connection(), .data = WriteRows(1000)};
  const absl::Status status = RunPredict(options, out_);
  ASSERT_TRUE(status.ok()) << status;
  std::istringstream lines(out_.str());
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "click");
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(std::getline(lines, line)) << i;
    ASSERT_EQ(std::stof(line), i / 1024.0f);
  }
  EXPECT_FALSE(std::getline(lines, line));
}

TEST_F(PredictTest, JsonIsOneObjectWithTheVersionsThatAnswered) {
  const PredictOptions options{.connection = Connection(), .data = WriteRows(3), .output = "json"};
  ASSERT_TRUE(RunPredict(options, out_).ok());
  const auto json = nlohmann::json::parse(out_.str());
  EXPECT_EQ(json["model"], "ads");
  EXPECT_EQ(json["versions"], nlohmann::json({{"1", 3}}));
  EXPECT_EQ(json["heads"], nlohmann::json({"click"}));
  EXPECT_EQ(json["predictions"], nlohmann::json({{0.0}, {1 / 1024.0}, {2 / 1024.0}}));
}

TEST_F(PredictTest, RowsStopsEarly) {
  const PredictOptions options{.connection = Connection(), .data = WriteRows(20), .rows = 2};
  ASSERT_TRUE(RunPredict(options, out_).ok());
  EXPECT_EQ(out_.str(), "click\n0\n0.0009765625\n");
  EXPECT_EQ(server_.predict_calls(), 2u);
}

TEST_F(PredictTest, ColumnsThatTheFileLacksAreNamedBesideThoseItHas) {
  const PredictOptions options{.connection = Connection(), .data = WriteFile("hour,adv,click\n1,2,0\n")};
  const absl::Status status = RunPredict(options, out_);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("lacks columns of model 'ads': ad, bid; it has: hour, adv, click"));
}

TEST_F(PredictTest, TheFirstRowThatFailsIsNamed) {
  server_.FailEvery(3, {grpc::StatusCode::RESOURCE_EXHAUSTED, "the queue is full"});
  const PredictOptions options{.connection = Connection(), .data = WriteRows(3)};
  const absl::Status status = RunPredict(options, out_);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), StartsWith("row "));
  EXPECT_THAT(std::string(status.message()), HasSubstr(": the queue is full"));
}

TEST_F(PredictTest, AFileWithoutRowsIsAFailure) {
  const PredictOptions options{.connection = Connection(), .data = WriteFile("ad,bid,hour\n")};
  EXPECT_THAT(std::string(RunPredict(options, out_).message()), HasSubstr("has no rows"));
}

using BenchTest = CommandsTest;

TEST_F(BenchTest, ClosedLoopCountsAnswersRowsAndVersions) {
  const BenchOptions options{.connection = Connection(),
                             .concurrency = 4,
                             .seconds = 0.3,
                             .warmup_seconds = 0.05,
                             .candidates = 3,
                             .json = true};
  const absl::Status status = RunBench(options, out_);
  ASSERT_TRUE(status.ok()) << status;
  const auto json = nlohmann::json::parse(out_.str());
  EXPECT_EQ(json["loop"], "closed");
  EXPECT_EQ(json["stream"], false);
  EXPECT_EQ(json["errors"], 0);
  EXPECT_GT(json["requests"], 0);
  EXPECT_EQ(json["rows"].get<uint64_t>(), 3 * json["requests"].get<uint64_t>());
  EXPECT_EQ(json["versions"]["1"], json["requests"]);
  EXPECT_GT(json["requests_per_second"], 0.0);
  const auto& latency = json["latency_us"];
  EXPECT_GT(latency["p50"], 0.0);
  EXPECT_LE(latency["p50"], latency["p90"]);
  EXPECT_LE(latency["p99"], latency["p999"]);
  EXPECT_LE(latency["p999"], latency["max"]);
}

TEST_F(BenchTest, EveryAnswerCanBeCheckedAgainstThatOfTheServerAtRest) {
  BenchOptions options{.connection = Connection(),
                       .data = WriteRows(40),
                       .concurrency = 4,
                       .seconds = 0.3,
                       .candidates = 2,
                       .check = true,
                       .json = true};
  for (const bool stream : {false, true}) {
    out_.str("");
    options.stream = stream;
    const absl::Status status = RunBench(options, out_);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(nlohmann::json::parse(out_.str())["wrong"], 0);
  }
  server_.ErrEvery(7);
  out_.str("");
  EXPECT_EQ(RunBench(options, out_).code(), absl::StatusCode::kInternal);
  EXPECT_GT(nlohmann::json::parse(out_.str())["wrong"], 0);
}

TEST_F(BenchTest, OpenLoopSendsTheRateThatWasAsked) {
  const BenchOptions options{.connection = Connection(),
                             .rate = 200,
                             .seconds = 1,
                             .warmup_seconds = 0.1,
                             .connections = 2,
                             .json = true};
  ASSERT_TRUE(RunBench(options, out_).ok());
  const auto json = nlohmann::json::parse(out_.str());
  EXPECT_EQ(json["loop"], "open");
  EXPECT_EQ(json["rate_asked"], 200.0);
  // Poisson: 200 ± 14, and the same for the same seed. How many of them could be sent is the machine's
  // affair.
  EXPECT_NEAR(json["requests_due"].get<double>(), 200, 70);
  EXPECT_LE(json["requests"], json["requests_due"]);
}

TEST_F(BenchTest, ARateThatTheServerCannotHoldIsToldAndItsWaitingIsMeasured) {
  server_.set_delay(std::chrono::milliseconds(50));
  server_.FailEvery(2, {grpc::StatusCode::RESOURCE_EXHAUSTED, "the queue is full"});
  const BenchOptions options{
      .connection = Connection(), .rate = 100, .seconds = 0.5, .warmup_seconds = 0, .json = true};
  ASSERT_TRUE(RunBench(options, out_).ok());
  const auto json = nlohmann::json::parse(out_.str());
  EXPECT_EQ(json["rate_held"], false);
  EXPECT_GT(json["errors_by_code"]["RESOURCE_EXHAUSTED"], 0);
  EXPECT_GE(json["latency_us"]["p50"], 49'000.0);
}

TEST_F(BenchTest, AnInterruptEndsTheRunEarlyAndItsFiguresAreStillPrinted) {
  const BenchOptions options{
      .connection = Connection(), .concurrency = 2, .seconds = 600, .warmup_seconds = 0, .json = true};
  std::thread interrupter([this] {
    while (server_.predict_calls() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    kill(getpid(), SIGINT);
  });
  const absl::Status status = RunBench(options, out_);
  interrupter.join();
  ASSERT_TRUE(status.ok()) << status;
  const auto json = nlohmann::json::parse(out_.str());
  EXPECT_GT(json["requests"], 0);
  EXPECT_LT(json["seconds"], 60.0);
}

TEST_F(BenchTest, AnInterruptAlsoEndsAnOpenLoopThatWaitsForItsNextRequest) {
  const BenchOptions options{
      .connection = Connection(), .rate = 2, .seconds = 600, .warmup_seconds = 0, .json = true};
  std::thread interrupter([this] {
    while (server_.predict_calls() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    kill(getpid(), SIGINT);
  });
  const absl::Status status = RunBench(options, out_);
  interrupter.join();
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_LT(nlohmann::json::parse(out_.str())["seconds"], 60.0);
}

TEST_F(BenchTest, ARateFarBeyondTheServerStillMeasuresTheAskedTimeAndNoMore) {
  server_.set_delay(std::chrono::milliseconds(10));
  const BenchOptions options{
      .connection = Connection(), .rate = 1e5, .seconds = 0.1, .warmup_seconds = 0.1, .json = true};
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(RunBench(options, out_).ok());
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
  const auto json = nlohmann::json::parse(out_.str());
  EXPECT_GT(json["requests"], 0);
  EXPECT_EQ(json["rate_held"], false);
}

TEST_F(BenchTest, RowsOfAFileAreTheCandidatesInTurnAndTheContextIsTheFirstOnes) {
  const BenchOptions options{.connection = Connection(),
                             .data = WriteRows(7),
                             .concurrency = 1,
                             .seconds = 0.2,
                             .warmup_seconds = 0,
                             .candidates = 3};
  const absl::Status status = RunBench(options, out_);
  ASSERT_TRUE(status.ok()) << status;
  const v1::PredictRequest request = server_.last_request();  // of rows 0 to 2, or 3 to 5
  ASSERT_EQ(request.candidate_count(), 3u);
  const float first = request.packed().candidates().numeric(0);
  EXPECT_THAT(request.packed().candidates().numeric(),
              ElementsAre(first, first + 1 / 1024.0f, first + 2 / 1024.0f));
  EXPECT_THAT(request.packed().context().numeric(), ElementsAre(first * 1024));
}

TEST_F(BenchTest, AFileTooShortForOneImpressionIsRefused) {
  const BenchOptions options{
      .connection = Connection(), .data = WriteRows(2), .concurrency = 1, .candidates = 3};
  EXPECT_THAT(std::string(RunBench(options, out_).message()), HasSubstr("fewer rows than the 3 candidates"));
}

TEST_F(BenchTest, StreamedRequestsAreCountedLikeCallsInBothLoops) {
  server_.FailEvery(10, {grpc::StatusCode::RESOURCE_EXHAUSTED, "the queue is full"});
  const BenchOptions closed{.connection = Connection(),
                            .concurrency = 8,
                            .seconds = 0.3,
                            .warmup_seconds = 0,
                            .candidates = 3,
                            .connections = 2,
                            .stream = true,
                            .json = true};
  ASSERT_TRUE(RunBench(closed, out_).ok());
  const auto json = nlohmann::json::parse(out_.str());
  EXPECT_EQ(json["loop"], "closed");
  EXPECT_EQ(json["stream"], true);
  const auto errors = json["errors"].get<uint64_t>();
  EXPECT_GT(errors, 0u);
  EXPECT_EQ(json["errors_by_code"], nlohmann::json({{"RESOURCE_EXHAUSTED", errors}}));
  EXPECT_EQ(json["rows"].get<uint64_t>(), 3 * (json["requests"].get<uint64_t>() - errors));
  EXPECT_EQ(server_.streams(), 2u);

  const BenchOptions open{
      .connection = Connection(), .rate = 200, .seconds = 0.5, .warmup_seconds = 0.1, .stream = true};
  out_.str("");
  ASSERT_TRUE(RunBench(open, out_).ok());
  EXPECT_THAT(out_.str(), HasSubstr("open loop, 200 streamed requests/s asked"));
  EXPECT_EQ(server_.streams(), 3u);
}

TEST_F(BenchTest, StreamsThatTheServerEndsAreErrorsAndAreOpenedAgain) {
  server_.EndStreamsAfter(5);
  const BenchOptions options{.connection = Connection(),
                             .concurrency = 4,
                             .seconds = 0.3,
                             .warmup_seconds = 0,
                             .stream = true,
                             .json = true};
  ASSERT_TRUE(RunBench(options, out_).ok());
  const auto json = nlohmann::json::parse(out_.str());
  EXPECT_GT(server_.streams(), 2u);
  EXPECT_GT(json["errors_by_code"]["UNAVAILABLE"], 0);
  EXPECT_EQ(json["errors_by_code"].size(), 1u);
  EXPECT_EQ(json["versions"]["1"].get<uint64_t>() + json["errors"].get<uint64_t>(), json["requests"]);
}

TEST_F(BenchTest, FailsIfEveryRequestFailed) {
  server_.FailEvery(1, {grpc::StatusCode::UNAVAILABLE, "draining"});
  const BenchOptions options{.connection = Connection(), .rate = 50, .seconds = 0.2, .warmup_seconds = 0};
  const absl::Status status = RunBench(options, out_);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("requests failed, the first with UNAVAILABLE: draining"));
}

TEST_F(BenchTest, SyntheticImpressionsFitTheSchemaAndRepeatWithTheirSeed) {
  const absl::StatusOr<ModelSchema> schema = (*Connect(Connection()))->FetchSchema("ads");
  ASSERT_TRUE(schema.ok());
  const auto requests = DrawImpressions(*schema, 10, 5, 1);
  ASSERT_EQ(requests.size(), 10u);
  EXPECT_EQ(requests[9].packed().context().numeric_size(), 1);
  EXPECT_EQ(requests[9].packed().candidates().numeric_size(), 5);
  EXPECT_EQ(requests[9].packed().candidates().categorical_size(), 5);
  EXPECT_EQ(requests[9].SerializeAsString(), DrawImpressions(*schema, 10, 5, 1)[9].SerializeAsString());
  EXPECT_NE(requests[9].SerializeAsString(), DrawImpressions(*schema, 10, 5, 2)[9].SerializeAsString());
}

using ModelTest = CommandsTest;

TEST_F(ModelTest, JsonSaysWhatServesWhatWasRefusedAndWhatToSend) {
  const ModelOptions options{.connection = Connection(), .json = true};
  const absl::Status status = RunModel(options, out_);
  ASSERT_TRUE(status.ok()) << status;
  const auto model = nlohmann::json::parse(out_.str())["models"][0];
  EXPECT_EQ(model["model"], "ads");
  EXPECT_EQ(model["serving_version"], 1);
  EXPECT_EQ(model["serving_since"], "2023-11-14T22:13:20Z");
  EXPECT_EQ(model["schema_fingerprint"], "0000000000000007");
  EXPECT_EQ(model["refused"][0]["version"], 2);
  EXPECT_THAT(model["refused"][0]["reason"].get<std::string>(), HasSubstr("damaged"));
  EXPECT_EQ(model["features"].size(), 3u);
  EXPECT_EQ(model["features"][1],
            nlohmann::json({{"name", "ad"}, {"kind", "categorical"}, {"role", "candidate"}}));
  EXPECT_EQ(model["heads"][0]["name"], "click");
}

TEST_F(ModelTest, TheTableNamesVersionsFeaturesAndHeads) {
  ASSERT_TRUE(RunModel({.connection = Connection()}, out_).ok());
  EXPECT_THAT(out_.str(), HasSubstr("serves    version 1 since 2023-11-14T22:13:20Z"));
  EXPECT_THAT(out_.str(),
              HasSubstr("refused   version 2 at 2023-11-14T22:14:20Z: section 'layers' is damaged"));
  EXPECT_THAT(out_.str(), HasSubstr("head      click, 25 % positive in training"));
  EXPECT_THAT(out_.str(), HasSubstr("hour  context    numeric"));
}

TEST_F(ModelTest, AnUnknownModelListsWhatThereIs) {
  ModelOptions options{.connection = Connection()};
  options.connection.model = "adz";
  const absl::Status status = RunModel(options, out_);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("there is: ads"));
}

using RolloutTest = CommandsTest;

TEST_F(RolloutTest, APinSaysHowTheModelIsThen) {
  RolloutOptions options{.decision = Decision::kPin, .connection = Connection(), .version = 3};
  const absl::Status status = RunRollout(options, out_);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(out_.str(), HasSubstr("ads\n  serves    version 3, pinned\n"));
  options.version = 10;
  EXPECT_EQ(RunRollout(options, out_).code(), absl::StatusCode::kNotFound);
}

TEST_F(RolloutTest, WithoutANameTheServersOnlyModelIsMeant) {
  RolloutOptions options{
      .decision = Decision::kCanary, .connection = Connection(), .version = 2, .share = 0.25, .json = true};
  options.connection.model.clear();
  ASSERT_TRUE(RunRollout(options, out_).ok());
  const auto model = nlohmann::json::parse(out_.str());
  EXPECT_EQ(model["model"], "ads");
  EXPECT_EQ(model["canary"], nlohmann::json({{"version", 2}, {"share", 0.25}}));
}

// What CLI11 says of `arguments`, "" if nothing.
std::string UsageError(const std::string& arguments) {
  CLI::App app;
  PredictOptions predict;
  BenchOptions bench;
  AddPredictFlags(app.add_subcommand("predict"), &predict);
  AddBenchFlags(app.add_subcommand("bench"), &bench);
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError& error) {
    return error.what();
  }
  return "";
}

TEST(FlagsTest, ValuesThatCannotBeRightAreRefusedWithTheirRange) {
  EXPECT_EQ(UsageError("bench --rate 10 --duration 0.5 --model ads-2.b --target [::1]:8500"), "");
  EXPECT_EQ(UsageError("bench --rate nan"), "--rate: 'nan' is not a number from 0.1 to 1e+07");
  EXPECT_EQ(UsageError("bench --duration inf"), "--duration: 'inf' is not a number from 0.1 to 1e+06");
  EXPECT_EQ(UsageError("bench --warmup nan"), "--warmup: 'nan' is not a number from 0 to 1e+06");
  EXPECT_EQ(UsageError("bench --concurrency 010"),
            "--concurrency: '010' is not a whole number from 1 to 100000");
  EXPECT_EQ(UsageError("predict --data f --rows 0"), "--rows: '0' is not a whole number of at least 1");
  EXPECT_EQ(UsageError("predict --data f --rows -1"), "--rows: '-1' is not a whole number of at least 1");
}

TEST(FlagsTest, TargetsAndModelsThatCannotExistAreBadUsage) {
  EXPECT_THAT(UsageError("bench --target localhost"), HasSubstr("'localhost' is not HOST:PORT"));
  EXPECT_THAT(UsageError("bench --target localhost:0"), HasSubstr("a port of 1 to 65535"));
  EXPECT_THAT(UsageError("bench --model a/b"), HasSubstr("--model: 'a/b' is no model name"));
  EXPECT_THAT(UsageError("bench --model .ads"), HasSubstr("--model: '.ads' is no model name"));
}

TEST_F(CommandsTest, WhatCannotBeWrittenIsAFailureOfEveryCommand) {
  const auto full = [] { return std::ofstream("/dev/full"); };
  if (!full().is_open()) GTEST_SKIP() << "no /dev/full here";
  const auto expect_failure = [](const absl::Status& status) {
    EXPECT_THAT(std::string(status.message()), HasSubstr("can't write to standard output"));
  };
  std::ofstream out = full();
  expect_failure(RunModel({.connection = Connection()}, out));
  out = full();
  expect_failure(RunModel({.connection = Connection(), .json = true}, out));
  out = full();
  expect_failure(RunPredict({.connection = Connection(), .data = WriteRows(3)}, out));
  out = full();
  expect_failure(RunBench(
      {.connection = Connection(), .concurrency = 1, .seconds = 0.1, .warmup_seconds = 0, .json = true},
      out));
}

}  // namespace
}  // namespace adscore::client

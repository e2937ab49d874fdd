// The request log: what gets into its files, which files there are, and that one can be sent again.
#include "server/request_log/request_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "adscore/v1/request_log.pb.h"
#include "client/bench_command.h"
#include "client/client.h"
#include "client/request_log_file.h"
#include "google/protobuf/io/zero_copy_stream_impl.h"
#include "google/protobuf/util/delimited_message_util.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "nlohmann/json.hpp"
#include "server/request_log/request_sampler.h"
#include "server/server.h"
#include "tests/model/tiny_snapshot.h"
#include "tests/server/temp_directory.h"

namespace adscore::server {
namespace {

namespace fs = std::filesystem;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::vector<std::string> FilesIn(const std::string& directory) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(directory)) files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<v1::LoggedRequest> ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  google::protobuf::io::IstreamInputStream stream(&file);
  std::vector<v1::LoggedRequest> logged;
  for (v1::LoggedRequest next;
       google::protobuf::util::ParseDelimitedFromZeroCopyStream(&next, &stream, nullptr); next.Clear()) {
    logged.push_back(next);
  }
  return logged;
}

v1::PredictRequest Request(const std::string& key) {
  v1::PredictRequest request;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(R"({"model": "ads", "named": {
      "context": {"hour": 13, "site": "site1"}, "candidates": {"bid": [0.5, 1.5], "ad": ["ad1", "ad2"]}}})",
                                                          &request)
                  .ok());
  request.set_key(key);
  return request;
}

v1::PredictResponse Response(int64_t version) {
  v1::PredictResponse response;
  response.set_version(version);
  response.add_heads()->add_probability(0.25F);
  return response;
}

TEST(RequestSamplerTest, TakesTheShareThatItIsTold) {
  RequestSampler sampler(1);
  int taken = 0;
  for (int i = 0; i < 100'000; ++i) taken += sampler.Take(0.1) ? 1 : 0;
  EXPECT_NEAR(taken, 10'000, 500);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(sampler.Take(0));
    EXPECT_TRUE(sampler.Take(1));
  }
}

TEST(RequestLogTest, WhatWasOfferedIsInTheFileButForTheKey) {
  const TempDirectory directory;
  auto log = RequestLog::Open({.directory = directory.path() + "/log", .share = 1, .rotation = {}});
  ASSERT_TRUE(log.ok()) << log.status();
  (*log)->Offer(Request("user-4711"), Response(7));
  (*log)->Offer(Request(""), Response(8));
  EXPECT_EQ((*log)->dropped(), 0u);
  log->reset();

  const std::vector<std::string> files = FilesIn(directory.path() + "/log");
  ASSERT_THAT(files, SizeIs(1));
  EXPECT_THAT(files[0], EndsWith(".pb"));
  const std::vector<v1::LoggedRequest> logged = ReadAll(files[0]);
  ASSERT_THAT(logged, SizeIs(2));
  EXPECT_EQ(logged[0].request().key(), "");
  using google::protobuf::util::MessageDifferencer;
  EXPECT_TRUE(MessageDifferencer::Equals(logged[0].request(), Request("")));
  EXPECT_TRUE(MessageDifferencer::Equals(logged[0].response(), Response(7)));
  EXPECT_GT(logged[0].time().seconds(), 1'600'000'000);
}

TEST(RequestLogTest, WhatCannotWaitIsDroppedAndCounted) {
  const TempDirectory directory;
  auto log = RequestLog::Open({.directory = directory.path(), .share = 1, .rotation = {}});
  ASSERT_TRUE(log.ok());
  v1::PredictRequest large;
  large.mutable_packed()->mutable_context()->mutable_numeric()->Resize(
      static_cast<int>(RequestLog::kMostWaiting / sizeof(float)), 0.5F);
  (*log)->Offer(large, Response(1));
  EXPECT_EQ((*log)->dropped(), 1u);
  (*log)->Offer(Request(""), Response(2));
  EXPECT_EQ((*log)->dropped(), 1u);
  log->reset();
  ASSERT_THAT(FilesIn(directory.path()), SizeIs(1));
  EXPECT_THAT(ReadAll(FilesIn(directory.path())[0]), SizeIs(1));
}

TEST(RotatingFileTest, LargeFilesAreCompletedAndTheOldestGo) {
  const TempDirectory directory;
  auto file = RotatingFile::Open(directory.path(),
                                 {.file_bytes = 100, .file_age = std::chrono::hours(1), .all_bytes = 250});
  ASSERT_TRUE(file.ok());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE((*file)->Append(std::string(50, static_cast<char>('a' + i))).ok());
  file->reset();
  const std::vector<std::string> files = FilesIn(directory.path());
  ASSERT_THAT(files, SizeIs(2));
  std::ifstream last(files.back());
  std::string text;
  last >> text;
  EXPECT_EQ(text, std::string(50, 'i') + std::string(50, 'j'));
}

TEST(RotatingFileTest, AnOldFileIsCompleted) {
  const TempDirectory directory;
  auto file = RotatingFile::Open(directory.path(), {.file_age = std::chrono::seconds(0)});
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->Append("x").ok());
  EXPECT_THAT(FilesIn(directory.path())[0], EndsWith(".part"));
  (*file)->EndRound();
  ASSERT_THAT(FilesIn(directory.path()), SizeIs(1));
  EXPECT_THAT(FilesIn(directory.path())[0], EndsWith(".pb"));
}

TEST(RotatingFileTest, WhatAnEarlierServerLeftIsCompletedAndOtherFilesStay) {
  const TempDirectory directory;
  std::ofstream(directory.path() + "/requests-20200101T000000.000-1-0.pb.part") << "left";
  std::ofstream(directory.path() + "/notes.txt") << "mine";
  const auto file = RotatingFile::Open(directory.path(), {.all_bytes = 1 << 20});
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE(fs::exists(directory.path() + "/requests-20200101T000000.000-1-0.pb"));
  EXPECT_TRUE(fs::exists(directory.path() + "/notes.txt"));
}

TEST(RotatingFileTest, ADirectoryThatCannotBeIsAnError) {
  const TempDirectory directory;
  std::ofstream(directory.path() + "/file") << "";
  EXPECT_FALSE(RotatingFile::Open(directory.path() + "/file/log", {}).ok());
}

TEST(RequestLogFileTest, AFileThatIsCutOffGivesWhatIsWholeAndAnotherKindOfFileIsRefused) {
  const TempDirectory directory;
  auto log = RequestLog::Open({.directory = directory.path() + "/log", .share = 1, .rotation = {}});
  ASSERT_TRUE(log.ok());
  for (int i = 0; i < 3; ++i) (*log)->Offer(Request(""), Response(i));
  log->reset();
  const std::string file = FilesIn(directory.path() + "/log")[0];
  fs::resize_file(file, fs::file_size(file) - 5);
  const auto requests = client::ReadRequestLog(file, 100);
  ASSERT_TRUE(requests.ok()) << requests.status();
  EXPECT_THAT(*requests, SizeIs(2));
  EXPECT_THAT(*client::ReadRequestLog(file, 1), SizeIs(1));

  const std::string other = directory.path() + "/impressions.csv";
  std::ofstream(other) << "hour,site,click\n13,news,0\n";
  EXPECT_THAT(std::string(client::ReadRequestLog(other, 100).status().message()), HasSubstr("--request-log"));
}

TEST(RequestLogTest, AServerLogsWhatItAnswersAndBenchSendsItBack) {
  const TempDirectory root;
  const TempDirectory directory;
  model::testing::TinySnapshot().Publish(root.path(), "ads", 1);
  ServerOptions options;
  options.model_root = root.path();
  options.listen.port = 0;
  options.http_listen.port = 0;
  options.request_log = {.directory = directory.path(), .share = 1, .rotation = {}};
  auto server = Server::Start(options);
  ASSERT_TRUE(server.ok()) << server.status();
  const std::string target = ToString((*server)->grpc_address());
  const auto client = client::Client::Connect(target, {.deadline = std::chrono::seconds(10)});
  grpc::ClientContext context;
  v1::PredictResponse response;
  ASSERT_TRUE((*client)->stub()->Predict(&context, Request("user-4711"), &response).ok());
  server->reset();  // completes the file

  const std::vector<std::string> files = FilesIn(directory.path());
  ASSERT_THAT(files, SizeIs(1));
  const std::vector<v1::LoggedRequest> logged = ReadAll(files[0]);
  ASSERT_THAT(logged, SizeIs(1));
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(logged[0].response(), response));

  options.request_log = {};
  server = Server::Start(options);
  ASSERT_TRUE(server.ok()) << server.status();
  client::BenchOptions bench;
  bench.connection.target = ToString((*server)->grpc_address());
  bench.replay = files[0];
  bench.concurrency = 2;
  bench.seconds = 0.2;
  bench.warmup_seconds = 0;
  bench.check = true;
  bench.json = true;
  std::ostringstream out;
  const absl::Status status = client::RunBench(bench, out);
  ASSERT_TRUE(status.ok()) << status;
  const auto json = nlohmann::json::parse(out.str());
  EXPECT_EQ(json["model"], "ads");
  EXPECT_EQ(json["errors"], 0);
  EXPECT_EQ(json["wrong"], 0);
  EXPECT_EQ(json["rows"], 2 * json["requests"].get<int>());
  EXPECT_EQ(json["replay"], files[0]);
  EXPECT_THAT(FilesIn(directory.path()), SizeIs(1)) << "a server without --request-log writes none";
}

}  // namespace
}  // namespace adscore::server

// Request logs that are sent again: which requests, in which order, how often, and what is compared.
#include "client/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "adscore/v1/request_log.pb.h"
#include "client/bench_command.h"
#include "google/protobuf/io/zero_copy_stream_impl.h"
#include "google/protobuf/util/delimited_message_util.h"
#include "nlohmann/json.hpp"
#include "tests/client/fake_server.h"

namespace adscore::client {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ReplayTest : public ::testing::Test {
 protected:
  ReplayTest() {
    std::string pattern = (fs::temp_directory_path() / "client_replay_XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~ReplayTest() override { fs::remove_all(directory_); }

  // What the fake server's model answers with `bid`.
  static v1::LoggedRequest Record(float bid, const std::string& model = "ads", int64_t version = 1) {
    v1::LoggedRequest record;
    record.set_model(model);
    record.set_version(version);
    record.set_candidate_count(1);
    record.mutable_features()->set_schema_fingerprint(7);
    record.mutable_features()->mutable_context()->add_numeric(13);
    record.mutable_features()->mutable_candidates()->add_numeric(bid);
    record.mutable_features()->mutable_candidates()->add_categorical(1);
    record.add_heads()->add_probability(bid);
    return record;
  }

  std::string Write(const std::string& name, const std::vector<v1::LoggedRequest>& records) const {
    const std::string path = directory_ / name;
    std::ofstream file(path, std::ios::binary);
    for (const v1::LoggedRequest& record : records) {
      EXPECT_TRUE(google::protobuf::util::SerializeDelimitedToOstream(record, &file));
    }
    return path;
  }

  BenchOptions Options() {
    return {.connection = {.target = server_.target(), .deadline_ms = 30'000},
            .replay = directory_,
            .concurrency = 8,
            .check = true,
            .json = true};
  }

  nlohmann::json Run(const BenchOptions& options) {
    const absl::Status status = RunBench(options, out_);
    EXPECT_TRUE(status.ok()) << status;
    return nlohmann::json::parse(out_.str());
  }

  FakeServer server_;
  fs::path directory_;
  std::ostringstream out_;
};

TEST_F(ReplayTest, FilesAreReadInOrderAndOtherModelsLeftOut) {
  Write("requests-2.pb", {Record(0.75F), Record(0.25F, "video")});
  Write("requests-1.pb", {Record(0.5F)});
  Write("requests-3.pb.part", {Record(0.125F)});
  const auto all = ReadReplay(directory_, "");
  ASSERT_TRUE(all.ok()) << all.status();
  ASSERT_EQ(all->requests.size(), 3u);
  EXPECT_EQ(all->requests[0].packed().candidates().numeric(0), 0.5F);
  EXPECT_EQ(all->requests[0].model(), "ads");
  EXPECT_EQ(all->requests[0].version(), 0);
  EXPECT_EQ(all->requests[2].model(), "video");
  EXPECT_EQ(all->answers[1].heads(0).probability(0), 0.75F);
  EXPECT_THAT(all->notes, IsEmpty());

  const auto ads = ReadReplay(directory_, "ads");
  ASSERT_EQ(ads->requests.size(), 2u);
  EXPECT_THAT(ads->notes, ElementsAre("1 requests to other models are left out"));
  EXPECT_THAT(std::string(ReadReplay(directory_, "none").status().message()),
              HasSubstr("no logged request to model 'none'"));
  const auto first = ReadReplay(directory_, "", 2);
  EXPECT_EQ(first->requests.size(), 2u);
  EXPECT_THAT(first->notes, ElementsAre("only the first 2 requests are sent"));
}

TEST_F(ReplayTest, ACutOffEndIsNotedDamageRefusedAndNothingToSendAnError) {
  const std::string path = Write("requests-1.pb", {Record(0.5F), Record(0.75F)});
  fs::resize_file(path, fs::file_size(path) - 1);
  const auto cut = ReadReplay(path, "");
  ASSERT_TRUE(cut.ok()) << cut.status();
  EXPECT_EQ(cut->requests.size(), 1u);
  EXPECT_THAT(cut->notes, ElementsAre(HasSubstr(path + " is cut off within the record at byte ")));

  std::ofstream(path, std::ios::app) << "not a byte of a record";
  const auto damaged = ReadReplay(directory_, "");
  EXPECT_EQ(damaged.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(damaged.status().message()), HasSubstr(path + ": at byte "));

  fs::remove(path);
  EXPECT_THAT(std::string(ReadReplay(directory_, "").status().message()), HasSubstr("no complete file"));
}

TEST_F(ReplayTest, EachRequestIsSentOnceAndEveryAnswerCompared) {
  std::vector<v1::LoggedRequest> records;
  for (int i = 0; i < 3000; ++i) records.push_back(Record(static_cast<float>(i) / 4096));
  Write("requests-1.pb", records);
  const auto json = Run(Options());
  EXPECT_EQ(server_.predict_calls(), 3000u);
  EXPECT_EQ(json["requests"], 3000);
  EXPECT_EQ(json["errors"], 0);
  EXPECT_EQ(json["compared"], 3000);
  EXPECT_EQ(json["wrong"], 0);
  EXPECT_EQ(json["model"], "ads");
  EXPECT_FALSE(json.contains("candidates"));
  EXPECT_EQ(server_.get_model_calls(), 0u) << "the log says what the requests are for";
}

TEST_F(ReplayTest, AtARateOverSeveralConnectionsAndStreamsTheOrderIsThatOfTheLog) {
  std::vector<v1::LoggedRequest> records;
  for (int i = 0; i < 100; ++i) records.push_back(Record(static_cast<float>(i) / 4096));
  Write("requests-1.pb", records);
  BenchOptions options = Options();
  options.concurrency = 0;
  options.rate = 2000;
  options.connections = 2;
  options.stream = true;
  const auto json = Run(options);
  EXPECT_EQ(json["requests"], 100);
  EXPECT_EQ(json["requests_due"], 100);
  EXPECT_EQ(json["compared"], 100);
  EXPECT_EQ(json["wrong"], 0);
}

TEST_F(ReplayTest, ADurationRepeatsTheLog) {
  Write("requests-1.pb", {Record(0.5F), Record(0.75F)});
  BenchOptions options = Options();
  options.seconds = 0.2;
  options.warmup_seconds = 0;
  const auto json = Run(options);
  EXPECT_GT(json["requests"], 2);
  EXPECT_EQ(json["compared"], json["requests"]);
}

TEST_F(ReplayTest, AnswersOfTheLoggedVersionThatDifferAreAFailureAndThoseOfAnotherAreNotCompared) {
  v1::LoggedRequest wrong = Record(0.5F);
  wrong.mutable_heads(0)->set_probability(0, 0.25F);
  Write("requests-1.pb", {Record(0.5F), wrong, Record(0.75F, "ads", 2)});
  const absl::Status status = RunBench(Options(), out_);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(
      std::string(status.message()),
      HasSubstr("1 of 2 answers differ from what the same version answered when they were logged, by 0.25"));
  const auto json = nlohmann::json::parse(out_.str());
  EXPECT_EQ(json["compared"], 2);
  EXPECT_EQ(json["wrong"], 1);
  EXPECT_EQ(json["largest_difference"], 0.25);
}

}  // namespace
}  // namespace adscore::client

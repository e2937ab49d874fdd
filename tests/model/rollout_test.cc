#include "model/rollout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace adscore::model {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RolloutTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(::testing::TempDir()) / ("rollout_" + std::to_string(getpid()));
    fs::remove_all(root_);
    fs::create_directories(root_ / "ads");
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string ErrorOf(const std::string& json) {
    const auto rollout = RolloutFromJson(json);
    return rollout.ok() ? "no error" : std::string(rollout.status().message());
  }

  fs::path root_;
};

TEST_F(RolloutTest, WithoutAFileNothingIsDecided) {
  const auto rollout = ReadRollout(root_, "ads");
  ASSERT_TRUE(rollout.ok()) << rollout.status();
  EXPECT_EQ(*rollout, Rollout());
  EXPECT_TRUE(rollout->Versions().empty());
}

TEST_F(RolloutTest, WhatIsWrittenIsReadAgainAndNothingElseIsLeft) {
  const Rollout rollout = {.pinned = 7, .canary = 9, .canary_share = 0.05, .shadow = 10};
  ASSERT_TRUE(WriteRollout(root_, "ads", rollout).ok());
  EXPECT_EQ(*ReadRollout(root_, "ads"), rollout);
  EXPECT_THAT(rollout.Versions(), ElementsAre(7, 9, 10));
  ASSERT_TRUE(WriteRollout(root_, "ads", Rollout()).ok());
  EXPECT_EQ(*ReadRollout(root_, "ads"), Rollout());
  EXPECT_EQ(std::distance(fs::directory_iterator(root_ / "ads"), fs::directory_iterator()), 1);
}

TEST_F(RolloutTest, AMistakeIsRefusedWithTheKeyThatIsWrong) {
  EXPECT_THAT(ErrorOf("pinned: 7"), HasSubstr("not a JSON object"));
  EXPECT_THAT(ErrorOf(R"({"pin": 7})"), HasSubstr("unknown key 'pin'"));
  EXPECT_THAT(ErrorOf(R"({"pinned": -7})"), HasSubstr("pinned: -7 is no version"));
  EXPECT_THAT(ErrorOf(R"({"shadow": "7"})"), HasSubstr("shadow: \"7\" is no version"));
  EXPECT_THAT(ErrorOf(R"({"canary": 7})"), HasSubstr("canary: expected"));
  EXPECT_THAT(ErrorOf(R"({"canary": {"version": 7, "share": 1.5}})"), HasSubstr("canary.share: 1.5"));
  EXPECT_THAT(ErrorOf(R"({"canary": {"version": 7, "share": 0}})"), HasSubstr("canary.share: 0"));
  EXPECT_THAT(ErrorOf(R"({"canary": {"version": 0, "share": 1}})"), HasSubstr("canary.version: 0"));
}

TEST_F(RolloutTest, AFileThatHoldsSomethingElseIsAnErrorThatNamesIt) {
  std::ofstream(RolloutPath(root_.string(), "ads")) << "[]";
  const auto rollout = ReadRollout(root_, "ads");
  EXPECT_EQ(rollout.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(rollout.status().message()), HasSubstr("ads/rollout.json: not a JSON object"));
}

TEST_F(RolloutTest, WhatIsNoFileIsAnErrorAndNotWaitedFor) {
  const std::string path = RolloutPath(root_.string(), "ads");
  fs::create_directory(path);
  EXPECT_EQ(ReadRollout(root_, "ads").status().code(), absl::StatusCode::kInvalidArgument);
  fs::remove(path);
  ASSERT_EQ(mkfifo(path.c_str(), 0644), 0);
  EXPECT_EQ(ReadRollout(root_, "ads").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(RolloutTest, AModelWithoutADirectoryCantBeWritten) {
  EXPECT_EQ(WriteRollout(root_, "none", {.pinned = 1}).code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace adscore::model

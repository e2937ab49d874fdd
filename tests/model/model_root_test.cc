#include "model/model_root.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace adscore::model {
namespace {

namespace fs = std::filesystem;

class ModelRootTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(::testing::TempDir()) / ("model_root_" + std::to_string(getpid()));
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }

  void MakeVersion(const std::string& directory, bool complete = true) {
    fs::create_directories(root_ / directory);
    if (complete) std::ofstream(root_ / directory / "snapshot") << "x";
  }

  fs::path root_;
};

TEST_F(ModelRootTest, ListsCompleteVersionsHighestFirst) {
  MakeVersion("ads/2");
  MakeVersion("ads/10");
  MakeVersion("ads/11", /*complete=*/false);
  MakeVersion("ads/.tmp-12");
  MakeVersion("ads/notes");
  EXPECT_THAT(*ListVersions(root_, "ads"), ::testing::ElementsAre(10, 2));
}

TEST_F(ModelRootTest, AModelWithoutADirectoryIsNotFound) {
  EXPECT_EQ(ListVersions(root_, "ads").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ModelRootTest, ListsDirectoriesWithAValidNameAsModels) {
  MakeVersion("b/1");
  MakeVersion("a/1");
  MakeVersion(".hidden/1");
  std::ofstream(root_ / "file") << "x";
  EXPECT_THAT(*ListModels(root_), ::testing::ElementsAre("a", "b"));
  EXPECT_EQ(ListModels(root_ / "nowhere").status().code(), absl::StatusCode::kNotFound);
}

TEST(ParseVersionTest, TakesPositiveDecimalIntegersOnly) {
  EXPECT_EQ(ParseVersion("1"), 1);
  EXPECT_EQ(ParseVersion("9223372036854775807"), 9223372036854775807);
  for (const char* wrong : {"", "0", "01", "-1", "+1", "1a", " 1", "9223372036854775808"}) {
    EXPECT_EQ(ParseVersion(wrong), std::nullopt) << wrong;
  }
}

TEST(CheckModelNameTest, RefusesWhatCouldLeaveTheRoot) {
  for (const char* good : {"ads", "Ads_2-b.x", "0"}) EXPECT_TRUE(CheckModelName(good).ok()) << good;
  for (const char* wrong : {"", ".", "..", ".a", "a/b", "a b", "\xc3\xa4"})
    EXPECT_FALSE(CheckModelName(wrong).ok()) << wrong;
  EXPECT_FALSE(CheckModelName(std::string(129, 'a')).ok());
}

}  // namespace
}  // namespace adscore::model

// Faults while a version is loaded, and after: what the server makes of each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/server/model_life_fixture.h"

namespace adscore::server {
namespace {

namespace fs = std::filesystem;
using model::testing::Call;
using model::testing::TinySnapshot;
using ::testing::HasSubstr;

class FaultTest : public ModelLifeTest {
 protected:
  // Version 1 serves; then version 2 is there, and the next look comes across the fault.
  void ServeOneAndPublishTwo() {
    snapshot_.Publish(root_.path(), "ads", 1);
    Look();
    ASSERT_EQ(Serving("ads"), 1);
    TinySnapshot({.seed = 2}).Publish(root_.path(), "ads", 2);
  }
  std::string Reason() { return registry_.Statuses().at(0).refused.at(0).reason; }
  // Touches every table of the model that serves.
  bool StillHolds() {
    const auto models = registry_.Pin();
    const model::Model& model = *models->at("ads").stable->model;
    const float error = model.GoldenError();
    return error <= 1e-5F && !model.damaged();
  }

  void ExpectThatOneServesOnAndTwoIsTriedAgain(const std::string& reason) {
    Look();
    EXPECT_EQ(Serving("ads"), 1);
    EXPECT_EQ(Swaps("failed"), 1);
    EXPECT_EQ(Swaps(reason), 1);
    EXPECT_NE(Reason(), "");
    calls_.Clear();
    Look();
    EXPECT_EQ(Serving("ads"), 1) << "tried again at once";
    clock_.Advance(std::chrono::seconds(1));
    Look();
    EXPECT_EQ(Serving("ads"), 2);
  }
};

TEST_F(FaultTest, ADiskThatFailsIsTriedAgain) {
  ServeOneAndPublishTwo();
  calls_.Fail(Call::kOpen, EIO);
  ExpectThatOneServesOnAndTwoIsTriedAgain("io");
}

TEST_F(FaultTest, AFileThatCantBeLookedAtIsTriedAgain) {
  ServeOneAndPublishTwo();
  calls_.Fail(Call::kStat, EIO);
  ExpectThatOneServesOnAndTwoIsTriedAgain("io");
}

TEST_F(FaultTest, AMachineWithoutMemoryIsTriedAgain) {
  ServeOneAndPublishTwo();
  calls_.Fail(Call::kMap, ENOMEM);
  ExpectThatOneServesOnAndTwoIsTriedAgain("memory");
}

TEST_F(FaultTest, PermissionDeniedIsTriedAgain) {
  ServeOneAndPublishTwo();
  calls_.Fail(Call::kOpen, EACCES);
  ExpectThatOneServesOnAndTwoIsTriedAgain("permission");
}

TEST_F(FaultTest, AFileThatComesOutShorterThanItSaysIsRefusedForGood) {
  ServeOneAndPublishTwo();
  calls_.after_map = [this] { fs::resize_file(File("ads", 2), 4096); };
  Look();
  EXPECT_EQ(Serving("ads"), 1);
  EXPECT_EQ(Swaps("damaged"), 1);
  calls_.Clear();
  for (int i = 0; i < 3; ++i) {
    clock_.Advance(std::chrono::hours(1));
    Look();
  }
  EXPECT_EQ(Serving("ads"), 1);
  EXPECT_EQ(Swaps("damaged"), 2) << "once more, since the file was written to meanwhile, and not again";
}

TEST_F(FaultTest, ADirectoryThatIsDeletedBeforeItIsOpenedIsNoRefusal) {
  ServeOneAndPublishTwo();
  calls_.Before(Call::kOpen, [this] { fs::remove_all(model::VersionDirectory(root_.path(), "ads", 2)); });
  Look();
  EXPECT_EQ(Serving("ads"), 1);
  EXPECT_EQ(Swaps("not_found"), 1);
  calls_.Clear();
  Look();
  EXPECT_EQ(Serving("ads"), 1);
  EXPECT_TRUE(registry_.Statuses().at(0).refused.empty()) << "it is not there any more";
}

TEST_F(FaultTest, ADirectoryThatIsDeletedWhileItIsReadServesAllTheSame) {
  ServeOneAndPublishTwo();
  calls_.after_map = [this] { fs::remove_all(model::VersionDirectory(root_.path(), "ads", 2)); };
  Look();
  EXPECT_EQ(Serving("ads"), 2);
  EXPECT_TRUE(StillHolds());
}

TEST_F(FaultTest, AFileThatShrinksWhileItServesGivesWayToTheVersionBefore) {
  ServeOneAndPublishTwo();
  Look();
  ASSERT_EQ(Serving("ads"), 2);
  fs::resize_file(File("ads", 2), 0);
  EXPECT_FALSE(StillHolds()) << "must be seen, and must not end the process";
  Look();
  EXPECT_EQ(Serving("ads"), 1);
  EXPECT_TRUE(StillHolds());
  EXPECT_THAT(Reason(), HasSubstr("publish it again"));
}

TEST_F(FaultTest, AFileThatIsWrittenOverInPlaceGivesWayToTheVersionBefore) {
  ServeOneAndPublishTwo();
  Look();
  ASSERT_EQ(Serving("ads"), 2);
  std::fstream file(File("ads", 2), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(fs::file_size(File("ads", 2)) - 16));
  file << "0123456789abcdef";
  file.close();
  Look();
  EXPECT_EQ(Serving("ads"), 1);
  EXPECT_TRUE(StillHolds());
}

TEST_F(FaultTest, AFileThatIsWrittenOverWithAnotherGoodOneNeverHoldsUpAScore) {
  snapshot_.Publish(root_.path(), "ads", 1);
  TinySnapshot({.hidden = {16}, .seed = 5}).Publish(root_.path(), "other", 1);
  Look();
  fs::copy_file(File("other", 1), File("ads", 1), fs::copy_options::overwrite_existing);
  EXPECT_FALSE(StillHolds()) << "and comes back";
  const auto before = registry_.Pin();
  Look();
  EXPECT_TRUE(before->at("ads").stable->model->damaged());
  EXPECT_EQ(Serving("ads"), 1) << "the new one, since it is good";
  EXPECT_TRUE(StillHolds());
}

TEST_F(FaultTest, ADamagedModelWithoutAnotherVersionServesNothing) {
  snapshot_.Publish(root_.path(), "ads", 1);
  Look();
  fs::resize_file(File("ads", 1), 0);
  EXPECT_FALSE(StillHolds());
  Look();
  EXPECT_EQ(Serving("ads"), 0);
  EXPECT_EQ(registry_.Statuses().at(0).serving_version, 0);
  snapshot_.Publish(root_.path(), "ads", 2);
  Look();
  EXPECT_EQ(Serving("ads"), 2);
}

}  // namespace
}  // namespace adscore::server

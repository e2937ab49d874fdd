#include "trainer/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "model/model.h"
#include "model/model_root.h"
#include "tests/model/faulty_calls.h"
#include "tests/model/tiny_snapshot.h"
#include "tests/trainer/test_data.h"

namespace adscore::trainer {
namespace {

namespace fs = std::filesystem;
using model::testing::Call;
using model::testing::FaultyCalls;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RetentionTest : public ::testing::Test {
 protected:
  void Publish(std::initializer_list<int64_t> versions) const {
    for (const int64_t version : versions) tiny_.Publish(root_.path(), "m", version);
  }
  std::vector<int64_t> Remove(size_t keep, const std::set<int64_t>& protected_versions = {}) const {
    const auto removed = RemoveOldVersions(root_.path(), "m", keep, protected_versions);
    EXPECT_TRUE(removed.ok()) << removed.status();
    return removed.value_or(std::vector<int64_t>());
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(root_.path() + "/m")) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  const model::testing::TinySnapshot tiny_;
  const TestDirectory root_;
};

TEST_F(RetentionTest, TheNewestStay) {
  Publish({1, 2, 9, 10, 11});
  EXPECT_THAT(Remove(2), ElementsAre(9, 2, 1));
  EXPECT_THAT(Names(), ElementsAre("10", "11"));
  EXPECT_THAT(Remove(2), IsEmpty());
  EXPECT_THAT(Remove(5), IsEmpty());
}

TEST_F(RetentionTest, TheLastOneStaysWhateverIsAskedFor) {
  Publish({4, 5});
  EXPECT_THAT(Remove(0), ElementsAre(4));
  EXPECT_THAT(Names(), ElementsAre("5"));
}

TEST_F(RetentionTest, ProtectedOnesStayAndDoNotCountAsNewest) {
  Publish({1, 2, 3, 4, 5});
  EXPECT_THAT(Remove(2, {1, 3, 77}), ElementsAre(2));
  EXPECT_THAT(Names(), ElementsAre("1", "3", "4", "5"));
}

TEST_F(RetentionTest, WhatIsNoVersionStays) {
  Publish({1, 2});
  fs::create_directories(root_.path() + "/m/0001");
  fs::create_directories(root_.path() + "/m/.publishing-x");
  fs::create_directories(root_.path() + "/m/notes");
  fs::create_directories(root_.path() + "/m/3");  // without a snapshot
  EXPECT_THAT(Remove(1), ElementsAre(1));
  EXPECT_THAT(Names(), ElementsAre(".publishing-x", "0001", "2", "3", "notes"));
}

TEST_F(RetentionTest, ARemovalThatWasInterruptedIsFinished) {
  Publish({1, 2});
  fs::create_directories(root_.path() + "/m/.removing-7-1-0");
  std::ofstream(root_.path() + "/m/.removing-7-1-0/manifest.json") << "{}";
  EXPECT_THAT(Remove(2), IsEmpty());
  EXPECT_THAT(Names(), ElementsAre("1", "2"));
}

TEST_F(RetentionTest, AModelThatIsMappedServesOn) {
  Publish({1, 2});
  auto mapped = model::MappedSnapshot::Open(root_.path() + "/m/1/snapshot");
  ASSERT_TRUE(mapped.ok());
  EXPECT_THAT(Remove(1), ElementsAre(1));
  const model::Model model(*std::move(mapped), *model::AvailableKernelSets(model::Precision::kF32).front());
  EXPECT_LE(model.GoldenError(), 1e-5F);
  EXPECT_FALSE(model.damaged());
}

TEST_F(RetentionTest, AVersionThatCanNotBeRemovedIsNamedAndTheOthersGo) {
  Publish({1, 2, 3, 4});
  FaultyCalls calls;
  calls.Fail(Call::kRename, EACCES, 2);
  const absl::Status status = RemoveOldVersions(root_.path(), "m", 1, {}, calls).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/m/2"));
  EXPECT_THAT(Names(), ElementsAre("2", "4"));
}

TEST_F(RetentionTest, OneThatIsGoneInTheMeantimeIsNoFailure) {
  Publish({1, 2, 3});
  FaultyCalls calls;
  calls.Before(Call::kRename, [this] { fs::remove_all(root_.path() + "/m/1"); });
  const auto removed = RemoveOldVersions(root_.path(), "m", 1, {}, calls);
  ASSERT_TRUE(removed.ok()) << removed.status();
  EXPECT_THAT(*removed, ElementsAre(2));
}

TEST_F(RetentionTest, AModelThatIsNotThereIsNotFound) {
  EXPECT_EQ(RemoveOldVersions(root_.path(), "m", 1, {}).status().code(), absl::StatusCode::kNotFound);
}

// Who opens a version while it is removed gets all of it, or is told that it is not there.
TEST_F(RetentionTest, AReaderNeverFindsAPart) {
  std::atomic<bool> stop = false;
  std::atomic<int64_t> newest = 0;
  std::thread reader([&] {
    while (!stop) {
      for (int64_t version = std::max<int64_t>(1, newest - 4); version <= newest; ++version) {
        const absl::Status status =
            model::MappedSnapshot::Open(model::VersionDirectory(root_.path(), "m", version) + "/snapshot")
                .status();
        EXPECT_TRUE(status.ok() || absl::IsNotFound(status)) << status;
      }
    }
  });
  for (int64_t version = 1; version <= 100; ++version) {
    Publish({version});
    newest = version;
    Remove(2);
  }
  stop = true;
  reader.join();
  EXPECT_THAT(Names(), ElementsAre("100", "99"));
}

}  // namespace
}  // namespace adscore::trainer

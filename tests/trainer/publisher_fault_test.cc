// Disks and mounts that fail while a version is published: an error that says what to do, and nothing in the
// model root but what was there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "tests/model/faulty_calls.h"
#include "tests/model/tiny_snapshot.h"
#include "tests/trainer/test_data.h"
#include "trainer/publisher.h"

namespace adscore::trainer {
namespace {

namespace fs = std::filesystem;
using absl::StatusCode;
using model::testing::Call;
using model::testing::FaultyCalls;
using ::testing::HasSubstr;

class PublisherFaultTest : public ::testing::Test {
 protected:
  absl::StatusOr<Published> Try() const {
    return Publish(
        root_.path(), "m", tiny_.snapshot(),
        [](int64_t, const model::Provenance&) { return std::string("{}\n"); }, std::nullopt, calls_);
  }
  void ExpectNothingLeft(StatusCode code, const std::string& words) const {
    const absl::Status status = Try().status();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(words));
    EXPECT_THAT(std::string(status.message()), HasSubstr(root_.path()));
    EXPECT_TRUE(fs::is_empty(root_.path() + "/m"));
  }

  const model::testing::TinySnapshot tiny_;
  const TestDirectory root_;
  FaultyCalls calls_;
};

// How many calls of one kind a publish makes.
int CallsOf(Call call) {
  const TestDirectory root;
  const model::testing::TinySnapshot tiny;
  const FaultyCalls calls;
  EXPECT_TRUE(Publish(
                  root.path(), "m", tiny.snapshot(),
                  [](int64_t, const model::Provenance&) { return std::string("{}\n"); }, std::nullopt, calls)
                  .ok());
  return calls.count(call);
}

TEST_F(PublisherFaultTest, ADirectoryThatCanNotBeMade) {
  calls_.Fail(Call::kMakeTemporaryDirectory, ENOSPC);
  ExpectNothingLeft(StatusCode::kResourceExhausted, "make room");
  calls_.Fail(Call::kMakeTemporaryDirectory, EACCES);
  ExpectNothingLeft(StatusCode::kPermissionDenied, "access");
}

TEST_F(PublisherFaultTest, AFullDiskAtAnyWrite) {
  const int writes = CallsOf(Call::kWrite);
  ASSERT_GT(writes, 10);
  for (int nth = 1; nth <= writes; ++nth) {
    FaultyCalls calls;
    calls.Fail(Call::kWrite, ENOSPC, nth);
    const absl::Status status =
        Publish(
            root_.path(), "m", tiny_.snapshot(),
            [](int64_t, const model::Provenance&) { return std::string("{}\n"); }, std::nullopt, calls)
            .status();
    EXPECT_EQ(status.code(), StatusCode::kResourceExhausted) << status;
    EXPECT_TRUE(fs::is_empty(root_.path() + "/m"));
  }
}

TEST_F(PublisherFaultTest, ADiskThatFails) {
  calls_.Fail(Call::kSync, EIO, 1);
  ExpectNothingLeft(StatusCode::kUnavailable, "look at the disk");
}

TEST_F(PublisherFaultTest, ASnapshotThatCanNotBeReadBack) {
  calls_.Fail(Call::kMap, EIO);
  ExpectNothingLeft(StatusCode::kUnavailable, "look at the disk");
}

TEST_F(PublisherFaultTest, ARenameThatFails) {
  calls_.Fail(Call::kRename, EIO);
  ExpectNothingLeft(StatusCode::kUnavailable, "look at the disk");
}

TEST_F(PublisherFaultTest, ShortWritesMakeAWholeVersion) {
  calls_.most_written = 100;
  ASSERT_TRUE(Try().ok());
  EXPECT_TRUE(model::MappedSnapshot::Open(root_.path() + "/m/1/snapshot").ok());
  EXPECT_EQ(ReadFile(root_.path() + "/m/1/manifest.json"), "{}\n");
}

TEST_F(PublisherFaultTest, ASyncThatFailsBehindTheRenameSaysThatTheVersionIsThere) {
  const int syncs = CallsOf(Call::kSync);
  calls_.Fail(Call::kSync, EIO, syncs);
  const absl::Status status = Try().status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("version 1 is published"));
  EXPECT_TRUE(model::MappedSnapshot::Open(root_.path() + "/m/1/snapshot").ok());
}

}  // namespace
}  // namespace adscore::trainer

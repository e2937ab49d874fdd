// Disks, mounts and other processes that fail while a snapshot is written, opened or served: each has a
// defined outcome, and a message that says what to do.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "model/model.h"
#include "model/model_root.h"
#include "model/section_file.h"
#include "model/snapshot.h"
#include "tests/model/faulty_calls.h"
#include "tests/model/tiny_snapshot.h"

namespace adscore::model {
namespace {

namespace fs = std::filesystem;
using absl::StatusCode;
using testing::Call;
using testing::FaultyCalls;
using ::testing::HasSubstr;
using testing::TinySnapshot;

class SnapshotFaultTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = (fs::path(::testing::TempDir()) / ("faults_" + std::to_string(getpid()))).string();
    fs::remove_all(directory_);
    fs::create_directories(directory_);
    path_ = directory_ + "/snapshot";
  }
  void TearDown() override { fs::remove_all(directory_); }

  void WriteGood() { ASSERT_TRUE(WriteSnapshot(tiny_.snapshot(), path_).ok()); }

  // The file loses its second half, in place.
  void CutInHalf() const { fs::resize_file(path_, fs::file_size(path_) / 2); }

  void ExpectRefused(StatusCode code, const std::string& words) const {
    const absl::Status status = MappedSnapshot::Open(path_, calls_).status();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(words));
    EXPECT_THAT(std::string(status.message()), HasSubstr(path_));
  }

  void ExpectNotWritten(StatusCode code, const std::string& words) const {
    const absl::Status status = WriteSnapshot(tiny_.snapshot(), path_, calls_);
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(words));
    EXPECT_THAT(std::string(status.message()), HasSubstr(path_));
    EXPECT_TRUE(fs::is_empty(directory_));
  }

  TinySnapshot tiny_{{.hidden = {64, 64}}};  // several pages
  FaultyCalls calls_;
  std::string directory_;
  std::string path_;
};

TEST_F(SnapshotFaultTest, ShortWritesAreContinued) {
  WriteGood();
  calls_.most_written = 1000;
  const std::string again = directory_ + "/again";
  ASSERT_TRUE(WriteSnapshot(tiny_.snapshot(), again, calls_).ok());
  std::ifstream first(path_, std::ios::binary);
  std::ifstream second(again, std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(first), {}),
            std::string(std::istreambuf_iterator<char>(second), {}));
}

TEST_F(SnapshotFaultTest, AnInterruptedWriteIsTriedAgain) {
  calls_.Fail(Call::kWrite, EINTR, 2);
  EXPECT_TRUE(WriteSnapshot(tiny_.snapshot(), path_, calls_).ok());
  EXPECT_TRUE(MappedSnapshot::Open(path_).ok());
}

TEST_F(SnapshotFaultTest, AFullDiskLeavesNothing) {
  calls_.Fail(Call::kWrite, ENOSPC, 7);
  ExpectNotWritten(StatusCode::kResourceExhausted, "make room");
}

TEST_F(SnapshotFaultTest, ADiskThatFailsWhileWritingLeavesNothing) {
  calls_.Fail(Call::kWrite, EIO, 3);
  ExpectNotWritten(StatusCode::kUnavailable, "look at the disk");
}

TEST_F(SnapshotFaultTest, ADiskThatFailsWhileSyncingLeavesNothing) {
  calls_.Fail(Call::kSync, EIO);
  ExpectNotWritten(StatusCode::kUnavailable, "can't sync");
}

TEST_F(SnapshotFaultTest, AFileThatCanNotBeMadeIsNamed) {
  calls_.Fail(Call::kOpen, EACCES);
  ExpectNotWritten(StatusCode::kPermissionDenied, "access");
}

TEST_F(SnapshotFaultTest, WhatCanNotBeOpenedSaysWhy) {
  WriteGood();
  calls_.Fail(Call::kOpen, EACCES);
  ExpectRefused(StatusCode::kPermissionDenied, "access");
  calls_.Fail(Call::kOpen, EIO);
  ExpectRefused(StatusCode::kUnavailable, "look at the disk");
  calls_.Fail(Call::kOpen, EMFILE);
  ExpectRefused(StatusCode::kResourceExhausted, "ulimit -n");
  calls_.Fail(Call::kOpen, ESTALE);
  ExpectRefused(StatusCode::kUnavailable, "can't open");
}

TEST_F(SnapshotFaultTest, WhatCanNotBeMappedSaysWhy) {
  WriteGood();
  calls_.Fail(Call::kStat, EIO, 1);
  ExpectRefused(StatusCode::kUnavailable, "look at the disk");
  FaultyCalls no_memory;
  no_memory.Fail(Call::kMap, ENOMEM);
  EXPECT_EQ(MappedSnapshot::Open(path_, no_memory).status().code(), StatusCode::kResourceExhausted);
}

TEST_F(SnapshotFaultTest, AFileShorterThanItsHeaderSaysIsTruncated) {
  WriteGood();
  calls_.extra_size = -64;
  ExpectRefused(StatusCode::kDataLoss, "publish it again");
  calls_.extra_size = -static_cast<off_t>(fs::file_size(path_));
  ExpectRefused(StatusCode::kDataLoss, "publish it again");
}

// The attributes of a network file system may be older than its pages.
TEST_F(SnapshotFaultTest, AFileShorterThanTheSystemSaysCanNotBeRead) {
  WriteGood();
  const auto half = static_cast<off_t>(fs::file_size(path_) / 2);
  CutInHalf();
  calls_.extra_size = half;
  ExpectRefused(StatusCode::kUnavailable, "can't be read");
}

TEST_F(SnapshotFaultTest, AFileThatShrinksWhileItIsVerifiedIsRefused) {
  WriteGood();
  calls_.after_map = [this] { CutInHalf(); };
  ExpectRefused(StatusCode::kDataLoss, "the file changed while it was read");
}

// The second look at the file's attributes comes when the container is verified; then meta is read.
TEST_F(SnapshotFaultTest, AFileThatShrinksAfterItsChecksumsWereVerifiedIsRefused) {
  WriteGood();
  calls_.Before(Call::kStat, [this] {
    if (calls_.count(Call::kStat) == 3) fs::resize_file(path_, 4096);
  });
  ExpectRefused(StatusCode::kDataLoss, "the file changed while it was read");
  EXPECT_EQ(calls_.count(Call::kStat), 3);
}

TEST_F(SnapshotFaultTest, AFileThatIsChangedInPlaceWhileItIsReadIsRefused) {
  WriteGood();
  calls_.after_map = [this] {
    fs::last_write_time(path_, fs::file_time_type::clock::now() + std::chrono::seconds(5));
  };
  ExpectRefused(StatusCode::kDataLoss, "never in place");
}

TEST_F(SnapshotFaultTest, ADirectoryThatIsRemovedBeforeItIsOpenedIsNotFound) {
  WriteGood();
  calls_.Before(Call::kOpen, [this] { fs::remove_all(directory_); });
  ExpectRefused(StatusCode::kNotFound, "removed");
}

TEST_F(SnapshotFaultTest, ADirectoryThatIsRemovedOnceTheFileIsOpenDoesNoHarm) {
  WriteGood();
  calls_.Before(Call::kStat, [this] { fs::remove_all(directory_); });
  const auto mapped = MappedSnapshot::Open(path_, calls_);
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  EXPECT_FALSE(fs::exists(path_));
  EXPECT_LE(Model((*mapped)->snapshot(), *AvailableKernelSets(Precision::kF32).front()).GoldenError(), 1e-5f);
  EXPECT_FALSE((*mapped)->damaged());
}

TEST_F(SnapshotFaultTest, AModelWhoseFileShrinksGoesOnAndKnowsIt) {
  WriteGood();
  auto mapped = MappedSnapshot::Open(path_);
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  const Model model(*std::move(mapped), *AvailableKernelSets(Precision::kF32).front());
  EXPECT_LE(model.GoldenError(), 1e-5f);
  EXPECT_FALSE(model.damaged());
  fs::resize_file(path_, 0);
  model.GoldenError();  // of zeros; what matters is that it comes back
  EXPECT_TRUE(model.damaged());
}

TEST_F(SnapshotFaultTest, AModelCanBeMarked) {
  WriteGood();
  const KernelSet& kernels = *AvailableKernelSets(Precision::kF32).front();
  const Model mapped(*MappedSnapshot::Open(path_), kernels);
  mapped.MarkDamaged();
  EXPECT_TRUE(mapped.damaged());
  const Model in_memory(tiny_.snapshot(), kernels);
  in_memory.MarkDamaged();
  EXPECT_FALSE(in_memory.damaged());
}

}  // namespace
}  // namespace adscore::model

// Which files a request log consists of.
#include "request_log/log_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/server/temp_directory.h"

namespace adscore::request_log {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(LogFilesTest, TheCompleteFilesOfADirectoryByTime) {
  const server::TempDirectory directory;
  const std::string at = directory.path() + "/";
  for (const char* name : {"requests-20260102T000000.000-7.pb", "requests-20260101T235959.999-9.pb",
                           "requests-20260103T000000.000-7.pb.part", "notes.txt", "requests-.txt"}) {
    std::ofstream(at + name) << "x";
  }
  const auto files = FindLogFiles(directory.path());
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_THAT(*files, ElementsAre(at + "requests-20260101T235959.999-9.pb",
                                  at + "requests-20260102T000000.000-7.pb"));
}

TEST(LogFilesTest, AFileIsItselfWhateverItsName) {
  const server::TempDirectory directory;
  const std::string file = directory.path() + "/copy";
  std::ofstream(file) << "x";
  EXPECT_THAT(*FindLogFiles(file), ElementsAre(file));
}

TEST(LogFilesTest, NoFilesAreNoErrorAndNoPathIsOne) {
  const server::TempDirectory directory;
  EXPECT_THAT(*FindLogFiles(directory.path()), IsEmpty());
  const auto missing = FindLogFiles(directory.path() + "/missing");
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.status().message()), ::testing::HasSubstr("/missing"));
}

}  // namespace
}  // namespace adscore::request_log

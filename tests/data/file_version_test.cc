#include "data/file_version.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace adscore::data {
namespace {

using testing::HasSubstr;

class FileVersionTest : public testing::Test {
 protected:
  FileVersionTest() { std::ofstream(path_) << "click\n1\n"; }
  ~FileVersionTest() override { std::filesystem::remove(path_); }

  const std::string path_ = testing::TempDir() + "file_version_test.csv";
};

TEST_F(FileVersionTest, AFileThatIsLeftAloneIsUnchanged) {
  EXPECT_TRUE(FileVersion::Of(path_).value().CheckUnchanged().ok());
}

TEST_F(FileVersionTest, AFileThatGrowsIsSaidWithItsSizes) {
  const FileVersion version = FileVersion::Of(path_).value();
  std::ofstream(path_, std::ios::app) << "0\n";
  const absl::Status status = version.CheckUnchanged();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              testing::AllOf(HasSubstr(path_), HasSubstr("changed while it was read (from 8 to 10 bytes)")));
}

TEST_F(FileVersionTest, AFileThatIsWrittenOverWithAsManyBytesIsChanged) {
  const FileVersion version = FileVersion::Of(path_).value();
  std::filesystem::last_write_time(path_,
                                   std::filesystem::last_write_time(path_) + std::chrono::milliseconds(1));
  EXPECT_THAT(std::string(version.CheckUnchanged().message()), HasSubstr("it was written to"));
}

TEST_F(FileVersionTest, AFileThatIsReplacedOrRemovedIsChanged) {
  const FileVersion version = FileVersion::Of(path_).value();
  std::ofstream(path_ + ".new") << "click\n0\n";
  std::filesystem::rename(path_ + ".new", path_);
  EXPECT_THAT(std::string(version.CheckUnchanged().message()), HasSubstr("it was replaced"));
  std::filesystem::remove(path_);
  EXPECT_THAT(std::string(version.CheckUnchanged().message()), HasSubstr("taken away"));
}

TEST_F(FileVersionTest, AFileThatIsNotThereHasNone) {
  EXPECT_EQ(FileVersion::Of(path_ + ".none").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace adscore::data

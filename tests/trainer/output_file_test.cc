#include "trainer/output_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

#include "tests/trainer/test_data.h"

namespace adscore::trainer {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST(OutputFile, AppearsOnlyWhenItIsFinishedAndReplacesWhatWasThere) {
  const TestDirectory directory;
  const std::string path = directory.File("out.csv", "before");
  {
    const std::unique_ptr<OutputFile> file = OutputFile::Create(path).value();
    ASSERT_TRUE(file->Write("after").ok());
    EXPECT_EQ(ReadFile(path), "before");
    ASSERT_TRUE(file->Finish().ok());
  }
  EXPECT_EQ(ReadFile(path), "after");
  EXPECT_EQ(std::distance(fs::directory_iterator(directory.path()), {}), 1);
}

TEST(OutputFile, LeavesNothingIfItIsNotFinished) {
  const TestDirectory directory;
  ASSERT_TRUE(OutputFile::Create(directory.path() + "/out.csv.gz").value()->Write("half").ok());
  EXPECT_TRUE(fs::is_empty(directory.path()));
}

// So that a process that is killed leaves nothing either.
TEST(OutputFile, HasNoNameWhileItIsWritten) {
  const TestDirectory directory;
  const int probe = open(directory.path().c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
  if (probe < 0) GTEST_SKIP() << "this file system has no files without names";
  close(probe);
  const std::unique_ptr<OutputFile> file = OutputFile::Create(directory.path() + "/out.csv").value();
  ASSERT_TRUE(file->Write("half").ok());
  EXPECT_TRUE(fs::is_empty(directory.path()));
}

// Where files can't be without a name, this is what a process that ends at once clears away.
TEST(OutputFile, ATemporaryNameIsKnownAsLongAsTheFileIsUnfinished) {
  const TestDirectory directory;
  const std::string path = directory.path() + "/out.csv";
  const std::string temporary = path + ".tmp-" + std::to_string(getpid());
  std::unique_ptr<OutputFile> file = OutputFile::Create(path).value();
  directory.File(fs::path(temporary).filename(), "half");
  OutputFile::RemoveUnfinished();
  EXPECT_FALSE(fs::exists(temporary));
  file.reset();
  directory.File(fs::path(temporary).filename(), "somebody else's");
  OutputFile::RemoveUnfinished();
  EXPECT_TRUE(fs::exists(temporary));
}

TEST(OutputFile, APathThatCanNotBeWrittenIsNamed) {
  const TestDirectory directory;
  for (const std::string& path : {directory.path() + "/none/out.csv", directory.path()}) {
    EXPECT_THAT(std::string(OutputFile::Create(path).status().message()), HasSubstr(path));
  }
}

}  // namespace
}  // namespace adscore::trainer

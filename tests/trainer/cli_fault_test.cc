// A disk that is full when the snapshot or the report is written: nothing is left half-written.
#include <sys/resource.h>

#include <csignal>
#include <filesystem>

#include "tests/trainer/cli_fixture.h"

namespace adscore::trainer {
namespace {

namespace fs = std::filesystem;

// A limit on the size of files fails the same write that a full disk does.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(uint64_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit low = {bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &low);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  void (*handler_)(int);
  rlimit before_ = {};
};

class FullDiskTest : public CliTest {
 protected:
  FullDiskTest() : log_(TinyLog("1", "0")), report_(directory_.path() + "/report.html") {
    fit_ = Fit(log_, {"--epochs", "1", "--hidden", "2", "--report", report_});
    EXPECT_EQ(RunCommand(fit_).code, 0);
    snapshot_bytes_ = fs::file_size(directory_.path() + "/M/m/1/snapshot");
    report_bytes_ = fs::file_size(report_);
    fs::remove(report_);
    fs::remove_all(directory_.path() + "/M");
  }

  std::string log_;
  std::string report_;
  std::vector<std::string> fit_;
  uint64_t snapshot_bytes_ = 0;
  uint64_t report_bytes_ = 0;
};

TEST_F(FullDiskTest, WhileTheSnapshotIsWritten) {
  const uint64_t limit = std::min(snapshot_bytes_, report_bytes_) / 2;
  Outcome outcome;
  {
    const FileSizeLimit full(limit);
    outcome = RunCommand(fit_);
  }
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, ::testing::HasSubstr("/M/m/"));
  EXPECT_TRUE(fs::is_empty(directory_.path() + "/M/m"));
  EXPECT_FALSE(fs::exists(report_));
}

TEST_F(FullDiskTest, WhileTheReportIsWritten) {
  ASSERT_LT(snapshot_bytes_ + 1000, report_bytes_) << "the snapshot must fit where the report does not";
  Outcome outcome;
  {
    const FileSizeLimit full(snapshot_bytes_ + 500);
    outcome = RunCommand(fit_);
  }
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(
      outcome.err,
      ::testing::AllOf(::testing::HasSubstr("version 1 is published, but its report could not be written"),
                       ::testing::HasSubstr(report_)));
  EXPECT_FALSE(fs::exists(report_));
  EXPECT_EQ(RunCommand(Evaluate(log_)).code, 0);
}

}  // namespace
}  // namespace adscore::trainer

// Messages of one line, and output that is lost.
#include "cli/output.h"

#include <fstream>
#include <sstream>

#include "gtest/gtest.h"

namespace adscore::cli {
namespace {

TEST(OneLineTest, ControlCharactersDoNotBreakALine) {
  EXPECT_EQ(OneLine("a\nb\tc\x1b[31m, naïve"), "a\\nb\\tc\\x1b[31m, naïve");
}

TEST(FailTest, NamesTheProgramAndReturnsTheCode) {
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(Fail("adscore-test", "no file 'a\nb'", kBadUsage), kBadUsage);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "adscore-test: no file 'a\\nb'\n");
}

TEST(FlushTest, NoticesWhatIsLost) {
  std::ostringstream kept;
  kept << "text";
  EXPECT_TRUE(Flush(kept).ok());

  std::ofstream full("/dev/full");
  if (!full.is_open()) GTEST_SKIP() << "this system has no /dev/full";
  full << "text";
  EXPECT_EQ(Flush(full).code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace adscore::cli

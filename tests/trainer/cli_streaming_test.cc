// The command line on a log that is larger than --memory.
#include <filesystem>

#include "tests/trainer/cli_fixture.h"

namespace adscore::trainer {
namespace {

TEST_F(CliTest, ALogLargerThanMemoryIsFittedFromACacheThatLeavesNothing) {
  const std::string log = Generated(140'000);  // about 60 MB, read and encoded
  const std::string cache = directory_.path() + "/cache";
  std::filesystem::create_directory(cache);
  const std::string report = directory_.path() + "/fit.html";
  const Outcome fitted = RunCommand(
      Fit(log, {"--memory", "16", "--cache-dir", cache, "--epochs", "1", "--hidden", "4", "--batch-size",
                "1024", "--threads", "1", "--progressive", "1", "--report", report}));
  EXPECT_EQ(fitted.code, 0) << fitted.err;
  for (const char* part :
       {"last 14,000 of 140,000 rows", "Verdict", "ROC", "Reliability", "leans on", "click by category",
        "Columns", "Progressive validation", "from row 70,000", "Provenance"}) {
    EXPECT_THAT(ReadFile(report), testing::HasSubstr(part));
  }
  EXPECT_TRUE(std::filesystem::is_empty(cache));
  const Outcome evaluated = RunCommand(Evaluate(log, {"--json"}));
  EXPECT_EQ(evaluated.code, 0) << evaluated.err;
  EXPECT_THAT(evaluated.out, testing::HasSubstr("\"rows\":140000"));
}

TEST_F(CliTest, ACacheDirectoryThatIsNotThereIsNamed) {
  const Outcome outcome =
      RunCommand(Fit(Generated(140'000), {"--memory", "16", "--cache-dir", directory_.path() + "/none"}));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, testing::AllOf(testing::HasSubstr("/none"), testing::HasSubstr("--cache-dir")));
}

TEST_F(CliTest, MemoryIsAWholeNumberOfMebibytes) {
  ExpectBadUsage(RunCommand(Fit("a.csv", {"--memory", "1.5"})), {"--memory"});
  ExpectBadUsage(RunCommand(Fit("a.csv", {"--memory", "1"})), {"--memory"});
}

}  // namespace
}  // namespace adscore::trainer

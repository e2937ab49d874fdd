// What the tests of the command line share: running a command within the test, and small logs to run it on.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/trainer/test_data.h"
#include "trainer/cli.h"

namespace adscore::trainer {

struct Outcome {
  int code = 0;
  std::string out;
  std::string err;
};

inline Outcome RunCommand(std::vector<std::string> arguments) {
  std::vector<const char*> argv = {"adscore-trainer"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.code = RunTrainer(static_cast<int>(argv.size()), argv.data());
  outcome.out = ::testing::internal::GetCapturedStdout();
  outcome.err = ::testing::internal::GetCapturedStderr();
  return outcome;
}

inline size_t Lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

// Prints nothing, and explains itself in one line that has the parts `said` in it.
inline void ExpectRefusal(int code, const Outcome& outcome, const std::vector<std::string>& said) {
  EXPECT_EQ(outcome.code, code);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(Lines(outcome.err), 1U) << outcome.err;
  for (const std::string& part : said) EXPECT_THAT(outcome.err, ::testing::HasSubstr(part));
}

inline void ExpectFailure(const Outcome& outcome, const std::vector<std::string>& said) {
  ExpectRefusal(1, outcome, said);
}
inline void ExpectBadUsage(const Outcome& outcome, const std::vector<std::string>& said) {
  ExpectRefusal(2, outcome, said);
}

class CliTest : public ::testing::Test {
 protected:
  std::vector<std::string> Fit(const std::string& data, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {
        "fit", "--data", data, "--label", "click", "--model-root", directory_.path() + "/M", "--model", "m"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  std::string Generated(int rows) {
    const std::string path = directory_.path() + "/generated.csv";
    EXPECT_EQ(RunCommand({"generate", "--rows", std::to_string(rows), "--out", path, "--seed", "5"}).code, 0);
    return path;
  }

  // A log of two columns, `click` and `x`, of 400 rows.
  std::string TinyLog(const std::string& positive, const std::string& negative) {
    std::string text = "click,x\n";
    for (int i = 0; i < 400; ++i) {
      text += (i % 4 == 0 ? positive : negative) + "," + std::to_string(i % 7) + "." +
              std::to_string(i % 10) + "\n";
    }
    return directory_.File("tiny.csv", text);
  }

  // On the model that Fit() publishes.
  std::vector<std::string> Evaluate(const std::string& data, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {
        "evaluate", "--model-root", directory_.path() + "/M", "--model", "m", "--data", data};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  TestDirectory directory_;
};

}  // namespace adscore::trainer

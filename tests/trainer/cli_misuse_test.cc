// What is refused, and in which words: bad usage, text that is not UTF-8, output that can't be written.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/trainer/cli_fixture.h"

namespace adscore::trainer {
namespace {

using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::json;

TEST_F(CliTest, BadUsageExitsWithTwoAndNamesTheWayOutInOneLine) {
  const std::string data = TinyLog("1", "0");
  const std::string huge(300, '9');
  const struct {
    std::vector<std::string> arguments;
    std::vector<std::string> said;
  } cases[] = {
      {{}, {"name a subcommand", "fit, evaluate, schema, generate, inspect"}},
      {{"bogus"}, {"no subcommand 'bogus'", "fit, evaluate"}},
      {{"--bogus"}, {"--help"}},
      {{"fit"}, {"required", "adscore-trainer fit --help"}},
      {{"inspect"}, {"required"}},
      {{"evaluate", "--model", "m"}, {"required"}},
      {Fit(data, {"--no-such-flag"}), {"--no-such-flag"}},
      {Fit(data, {"--hidden", "12,x"}), {"--hidden", "'x'", "1 to 8192"}},
      {Fit(data, {"--hidden", ""}), {"--hidden"}},
      {Fit(data, {"--validation", "1.5"}), {"--validation", "'1.5'", "0.001 to 0.9"}},
      {Fit(data, {"--validation", "nan"}), {"--validation", "'nan'"}},
      {Fit(data, {"--learning-rate", "NaN"}), {"--learning-rate", "'NaN'"}},
      {Fit(data, {"--learning-rate", "1e999"}), {"--learning-rate"}},
      {Fit(data, {"--split", "middle"}), {"'middle'", "tail or random"}},
      {Fit(data, {"--epochs", "0"}), {"--epochs", "1 to 1000"}},
      {Fit(data, {"--epochs", "010"}), {"--epochs", "'010'"}},
      {Fit(data, {"--epochs", huge}), {"--epochs", "999…"}},
      {Fit(data, {"--seed", "-1"}), {"--seed", "'-1'", "whole number"}},
      {Fit(data, {"--seed", huge}), {"--seed", "999…"}},
      {Fit(data, {"--threads", "two"}), {"--threads", "'two'"}},
      {Fit(data, {"--format", "xml"}), {"'xml'", "criteo"}},
      {{"fit", "--data", data, "--label", "click", "--model-root", "M", "--model", "a/b"},
       {"--model", "'a/b'"}},
      {{"fit", "--data", data, "--label", "gagn\xe9", "--model-root", "M", "--model", "m"},
       {"--label", "UTF-8"}},
      {{"fit", "--data", data, "--label", "click=\xe9", "--model-root", "M", "--model", "m"}, {"UTF-8"}},
      {Evaluate(data, {"--version", "-3"}), {"--version", "'-3'"}},
      {{"evaluate", "--model-root", "M", "--model", ".m", "--data", data}, {"--model", "'.m'"}},
      {{"generate", "--rows", "-5", "--out", "o.csv"}, {"--rows", "'-5'", "1 to 1000000000"}},
      {{"generate", "--rows", "0", "--out", "o.csv"}, {"--rows", "'0'"}},
      {{"generate", "--rows", huge, "--out", "o.csv"}, {"--rows", "999…"}},
      {{"generate", "--rows", "1", "--out", "o.csv", "--seed", "0x1"}, {"--seed", "'0x1'"}},
  };
  for (const auto& [arguments, said] : cases) {
    SCOPED_TRACE(testing::PrintToString(arguments));
    const Outcome outcome = RunCommand(arguments);
    ExpectBadUsage(outcome, said);
    EXPECT_THAT(outcome.err, Not(HasSubstr(huge)));
  }
  EXPECT_FALSE(std::filesystem::exists(directory_.path() + "/M"));
}

TEST_F(CliTest, AHeaderThatIsNotUtf8IsRefusedAndNothingIsPublished) {
  const std::string data = directory_.File("latin1.csv", "click,caf\xe9\n1,2\n0,3\n");
  ExpectFailure(RunCommand(Fit(data)), {"latin1.csv:1", "column 2", "caf\\xe9", "save the file as UTF-8"});
  EXPECT_FALSE(std::filesystem::exists(directory_.path() + "/M"));
}

TEST_F(CliTest, FileNamesOfAnyBytesComeOutAsValidJson) {
  const std::string data = directory_.path() + "/zz\xe9.csv";
  const Outcome generated = RunCommand({"generate", "--rows", "2000", "--out", data, "--json"});
  ASSERT_EQ(generated.code, 0) << generated.err;
  EXPECT_THAT(Json::parse(generated.out)["out"].get<std::string>(), HasSubstr("zz\xef\xbf\xbd.csv"));
  const std::string root = directory_.path() + "/\xe9";
  const Outcome fit = RunCommand({"fit", "--data", data, "--label", "click", "--model-root", root, "--model",
                                  "m", "--epochs", "1", "--json"});
  ASSERT_EQ(fit.code, 0) << fit.err;
  EXPECT_TRUE(Json::accept(fit.out));
  EXPECT_TRUE(Json::accept(ReadFile(root + "/m/1/manifest.json")));
  EXPECT_TRUE(Json::accept(RunCommand({"inspect", root + "/m/1", "--json"}).out));
}

TEST_F(CliTest, EvaluateDoesNotOverwriteTheLogThatItReads) {
  const std::string data = TinyLog("1", "0");
  const std::string log = ReadFile(data);
  ASSERT_EQ(RunCommand(Fit(data, {"--epochs", "1"})).code, 0);
  const std::string link = directory_.path() + "/link.csv";
  std::filesystem::create_symlink(data, link);
  for (const std::string& predictions : {data, directory_.path() + "/M/../tiny.csv", link}) {
    ExpectFailure(RunCommand(Evaluate(data, {"--predictions", predictions})),
                  {"--predictions", "another file"});
  }
  EXPECT_EQ(ReadFile(data), log);
  ExpectFailure(RunCommand(Evaluate(data, {"--predictions", directory_.path() + "/none/p.tsv"})),
                {"none/p.tsv"});
}

TEST_F(CliTest, ASchemaThatCanNotBeReadIsNamed) {
  const std::string data = TinyLog("1", "0");
  ExpectFailure(RunCommand(Fit(data, {"--schema", directory_.path()})), {directory_.path(), "a directory"});
  ExpectFailure(RunCommand(Fit(data, {"--schema", directory_.path() + "/none"})), {"none", "not there"});
  ExpectFailure(RunCommand(Fit(data, {"--schema", directory_.File("empty.json", "")})), {"empty.json"});
}

TEST_F(CliTest, ANumericColumnWithoutAnyNumberIsRefused) {
  const std::string data = directory_.File("words.csv", "click,x\n1,red\n0,\n1,blue\n");
  const std::string schema =
      directory_.File("s.json", R"({"features": [{"name": "x", "kind": "numeric", "role": "candidate"}]})");
  ExpectFailure(RunCommand(Fit(data, {"--schema", schema})),
                {"words.csv", "'x' is numeric in the schema", "3 cells", "'red'", "categorical in --schema"});
}

// Standard output on a full disk.
class FullOutput {
 public:
  FullOutput() : before_(dup(STDOUT_FILENO)) {
    std::fflush(stdout);
    const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    dup2(full, STDOUT_FILENO);
    close(full);
  }
  ~FullOutput() {
    std::fflush(stdout);
    dup2(before_, STDOUT_FILENO);
    close(before_);
    std::clearerr(stdout);
    std::cout.clear();
  }
  FullOutput(const FullOutput&) = delete;
  FullOutput& operator=(const FullOutput&) = delete;

 private:
  const int before_;
};

TEST_F(CliTest, OutputThatCanNotBeWrittenIsAFailure) {
  const std::string data = TinyLog("1", "0");
  ASSERT_EQ(RunCommand(Fit(data, {"--epochs", "1"})).code, 0);
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           Fit(data, {"--epochs", "1"}),
           Evaluate(data, {"--json"}),
           {"schema", "--data", data, "--label", "click"},
           {"inspect", directory_.path() + "/M/m/1"},
           {"generate", "--rows", "5", "--out", directory_.path() + "/g.csv"},
           {"fit", "--help"}}) {
    testing::internal::CaptureStderr();
    int code = 0;
    {
      const FullOutput full;
      std::vector<const char*> argv = {"adscore-trainer"};
      for (const std::string& argument : arguments) argv.push_back(argument.c_str());
      code = RunTrainer(static_cast<int>(argv.size()), argv.data());
    }
    EXPECT_EQ(code, 1) << arguments[0];
    EXPECT_THAT(testing::internal::GetCapturedStderr(),
                HasSubstr("can't write to standard output: No space left on device"));
  }
}

}  // namespace
}  // namespace adscore::trainer

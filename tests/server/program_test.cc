// The real program: flags, exit codes, the line it prints, signals.
#include "tests/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "model/kernels/kernel_set.h"
#include "nlohmann/json.hpp"
#include "tests/model/tiny_snapshot.h"
#include "tests/server/loopback_http.h"
#include "tests/server/temp_directory.h"

namespace adscore::server {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A run of adscore-server.
class ServerProgram {
 public:
  explicit ServerProgram(std::vector<std::string> arguments)
      : program_(Command(std::move(arguments)), errors_.path() + "/errors") {}

  adscore::testing::Program* operator->() { return &program_; }

 private:
  static std::vector<std::string> Command(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), ADSCORE_SERVER);
    return arguments;
  }

  const TempDirectory errors_;
  adscore::testing::Program program_;
};

std::vector<std::string> OnFreePorts(const std::string& root) {
  return {"--model-root",         root, "--listen", "127.0.0.1:0", "--http-listen=127.0.0.1:0",
          "--poll-interval-ms=10"};
}

auto Lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

int PortAfter(const std::string& line, const std::string& prefix) {
  const size_t at = line.find(prefix);
  return at == std::string::npos ? 0 : std::atoi(line.c_str() + at + prefix.size());
}

TEST(ProgramTest, HelpTeachesEveryFlagWithItsDefault) {
  ServerProgram program({"--help"});
  EXPECT_EQ(program->Wait(), 0);
  for (const char* text :
       {"--model-root DIR", "--listen HOST:PORT", "127.0.0.1:8500", "--http-listen HOST:PORT",
        "127.0.0.1:9464", "--serving-threads", "--max-batch-rows", "--max-batch-delay-us",
        "--max-queued-rows", "--drain-delay-ms MS", "--poll-interval-ms", "--isa"}) {
    EXPECT_THAT(program->output(), HasSubstr(text));
  }
}

TEST(ProgramTest, HelpNamesTheInstructionSetsOfThisMachineAndNoOthers) {
  ServerProgram program({"--help"});
  EXPECT_EQ(program->Wait(), 0);
  std::string names = "auto";
  for (const model::KernelSet* set : model::AvailableKernelSets(model::Precision::kF32)) {
    names += std::string(", ") + set->name;
  }
  std::string help;  // in one line: how it is wrapped is not the point
  for (const char c : program->output()) {
    if (c != '\n' && (c != ' ' || !help.ends_with(' '))) help += c;
  }
  EXPECT_THAT(help, HasSubstr("one of: " + names));
}

TEST(ProgramTest, AnIpv6AddressForHttpIsBadUsageThatSaysWhatIsTaken) {
  const TempDirectory root;
  ServerProgram program({"--model-root", root.path(), "--http-listen", "[::1]:0"});
  EXPECT_EQ(program->Wait(), 2);
  EXPECT_THAT(program->errors(), HasSubstr("'[::1]:0' is IPv6"));
  EXPECT_THAT(program->errors(), HasSubstr("a name or an IPv4 address only"));
}

TEST(ProgramTest, VersionIsOneLine) {
  ServerProgram program({"--version"});
  EXPECT_EQ(program->Wait(), 0);
  EXPECT_THAT(program->output(), ContainsRegex("^adscore-server [0-9]+\\.[0-9]+\\.[0-9]+\n$"));
}

TEST(ProgramTest, BadUsageExitsWith2AndOneLineThatNamesTheFlag) {
  const TempDirectory root;
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{}, "--model-root"},
      {{"--model-root", root.path(), "--listen", "8500"}, "--listen"},
      {{"--model-root", root.path(), "--max-batch-rows", "0"}, "--max-batch-rows"},
      {{"--model-root", root.path(), "--isa", "mmx"}, "--isa"},
      {{"--model-root", root.path(), "--no-such-flag"}, "--no-such-flag"},
      {{"--model-root", root.path(), "--isa", "a\nb"}, "--isa"},
  };
  for (const auto& [arguments, flag] : cases) {
    ServerProgram program(arguments);
    EXPECT_EQ(program->Wait(), 2) << flag;
    EXPECT_THAT(program->errors(), HasSubstr(flag));
    EXPECT_EQ(Lines(program->errors()), 1) << program->errors();
    EXPECT_EQ(program->output(), "");
  }
}

TEST(ProgramTest, AModelRootThatIsNoDirectoryExitsWith1) {
  ServerProgram program({"--model-root", "/no/such/directory"});
  EXPECT_EQ(program->Wait(), 1);
  EXPECT_THAT(program->errors(), HasSubstr("/no/such/directory"));
}

TEST(ProgramTest, ServesPrintsItsAddressesAndExitsWith0OnSigterm) {
  const TempDirectory root;
  model::testing::TinySnapshot().Publish(root.path(), "ads", 1);
  ServerProgram program(OnFreePorts(root.path()));
  const std::string line = program->ReadLine();
  EXPECT_THAT(line,
              ContainsRegex("^listening on grpc://127\\.0\\.0\\.1:[0-9]+ http://127\\.0\\.0\\.1:[0-9]+$"));
  EXPECT_THAT(HttpGet(PortAfter(line, "http://127.0.0.1:"), "/readyz"), StartsWith("HTTP/1.1 200"));
  program->Signal(SIGTERM);
  EXPECT_EQ(program->Wait(), 0);
  EXPECT_EQ(program->output(), "");
  EXPECT_THAT(program->errors(), HasSubstr("model ads version 1 serves"));
}

TEST(ProgramTest, WhileItLeavesItSaysSoAndAnswersUntilASecondSignalEndsItAtOnce) {
  const TempDirectory root;
  model::testing::TinySnapshot().Publish(root.path(), "ads", 1);
  std::vector<std::string> arguments = OnFreePorts(root.path());
  arguments.insert(arguments.end(), {"--drain-delay-ms", "600000"});  // longer than any test runs
  ServerProgram program(arguments);
  const int port = PortAfter(program->ReadLine(), "http://127.0.0.1:");
  ASSERT_THAT(HttpGet(port, "/v2/health/ready"), StartsWith("HTTP/1.1 200"));
  ASSERT_THAT(HttpGet(port, "/v2/models/ads/ready"), StartsWith("HTTP/1.1 200"));

  program->Signal(SIGTERM);
  std::string ready = "HTTP/1.1 200";
  for (int i = 0; i < 2000 && ready.starts_with("HTTP/1.1 200"); ++i) ready = HttpGet(port, "/readyz");
  EXPECT_THAT(ready, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(HttpGet(port, "/v2/health/ready"), Not(StartsWith("HTTP/1.1 200")));
  EXPECT_THAT(HttpGet(port, "/v2/models/ads/ready"), Not(StartsWith("HTTP/1.1 200")));
  EXPECT_THAT(HttpGet(port, "/healthz"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(HttpGet(port, "/metrics"), HasSubstr("\nadscore_draining 0\n"));
  EXPECT_THAT(HttpPost(port, "/v2/models/ads/infer",
                       R"({"inputs": [{"name": "ad", "datatype": "BYTES", "shape": [1], "data": ["ad1"]}]})"),
              StartsWith("HTTP/1.1 200"));
  program->Signal(SIGTERM);
  EXPECT_EQ(program->Wait(), -SIGTERM);
}

TEST(ProgramTest, TakenPortsExitWith1AndOneLineThatNamesAddressAndFlag) {
  const TempDirectory root;
  ServerProgram first(OnFreePorts(root.path()));
  const std::string line = first->ReadLine();
  const std::string grpc = "127.0.0.1:" + std::to_string(PortAfter(line, "grpc://127.0.0.1:"));
  const std::string http = "127.0.0.1:" + std::to_string(PortAfter(line, "http://127.0.0.1:"));
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases = {
      {grpc, {"--model-root", root.path(), "--listen", grpc, "--http-listen", "127.0.0.1:0"}},
      {http, {"--model-root", root.path(), "--listen", "127.0.0.1:0", "--http-listen", http}},
  };
  for (const auto& [address, arguments] : cases) {
    ServerProgram second(arguments);
    EXPECT_EQ(second->Wait(), 1);
    EXPECT_THAT(second->errors(), HasSubstr(address));
    EXPECT_THAT(second->errors(), HasSubstr("listen"));
    EXPECT_EQ(Lines(second->errors()), 1) << second->errors();
  }
  first->Signal(SIGINT);
  EXPECT_EQ(first->Wait(), 0);
}

TEST(ProgramTest, SettingsThatContradictEachOtherAreAllNamedAndExitWith2) {
  ServerProgram program({"--listen", "0.0.0.0:0", "--max-batch-rows", "x", "--keep-versions", "-1"});
  EXPECT_EQ(program->Wait(), 2);
  for (const char* text : {"--model-root is required", "--allow-insecure", "--max-batch-rows: 'x'",
                           "--keep-versions: '-1'", "4 problems"}) {
    EXPECT_THAT(program->errors(), HasSubstr(text));
  }
}

TEST(ProgramTest, CheckSaysWhatItCheckedAndExitsWith0) {
  const TempDirectory root;
  model::testing::TinySnapshot().Publish(root.path(), "ads", 3);
  ServerProgram program({"--model-root", root.path(), "--check"});
  EXPECT_EQ(program->Wait(), 0) << program->errors();
  EXPECT_THAT(program->output(), HasSubstr("ok: model root " + root.path()));
  EXPECT_THAT(program->output(), HasSubstr("ok: model ads version 3"));
}

TEST(ProgramTest, CheckNamesWhatFailedAndExitsWith1) {
  const TempDirectory root;
  const std::filesystem::path version = root.path() + "/ads/1";
  std::filesystem::create_directories(version);
  std::ofstream(version / "snapshot") << "not one";
  ServerProgram damaged({"--model-root", root.path(), "--check"});
  EXPECT_EQ(damaged->Wait(), 1);
  EXPECT_THAT(damaged->output(), HasSubstr("FAILED: model ads version 1"));

  ServerProgram missing({"--model-root", "/no/such/directory", "--check"});
  EXPECT_EQ(missing->Wait(), 1);
  EXPECT_THAT(missing->output(), HasSubstr("FAILED: model root /no/such/directory"));
}

// Waits up to 20 s until the log has `text`.
bool AwaitLog(ServerProgram* program, const std::string& text) {
  for (int i = 0; i < 2000; ++i) {
    if ((*program)->errors().find(text) != std::string::npos) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

TEST(ProgramTest, SighupTakesOverTheLogLevelAndSaysWhatNeedsARestart) {
  const TempDirectory root;
  const std::string file = root.path() + "/server.toml";
  std::ofstream(file) << "log-level = \"info\"\nmax-queued-rows = 100\n";
  std::vector<std::string> arguments = OnFreePorts(root.path());
  arguments.insert(arguments.end(), {"--config", file});
  ServerProgram program(arguments);
  ASSERT_THAT(program->ReadLine(), StartsWith("listening on"));

  std::ofstream(file) << "log-level = \"loud\"\n";
  program->Signal(SIGHUP);
  EXPECT_TRUE(AwaitLog(&program, "SIGHUP: nothing was changed"));
  EXPECT_THAT(program->errors(), HasSubstr("'loud'"));

  std::ofstream(file) << "log-level = \"debug\"\nmax-queued-rows = 200\nkeep-versions = 2\n";
  program->Signal(SIGHUP);
  EXPECT_TRUE(AwaitLog(&program, "settings re-read, 2 changed")) << program->errors();
  EXPECT_THAT(program->errors(), HasSubstr("--log-level: info → debug"));
  EXPECT_THAT(program->errors(), HasSubstr("--keep-versions: 1 → 2"));
  EXPECT_THAT(program->errors(), HasSubstr("--max-queued-rows: 100 → 200 needs a restart"));

  std::ofstream(file) << "log-level = \"error\"\n";
  program->Signal(SIGHUP);
  EXPECT_TRUE(AwaitLog(&program, "--log-level: debug → error"));
  program->Signal(SIGTERM);
  EXPECT_EQ(program->Wait(), 0);
  EXPECT_THAT(program->errors(), Not(HasSubstr("drained")));
}

TEST(ProgramTest, AJsonLogIsOneObjectPerLine) {
  const TempDirectory root;
  const std::string name = root.path() + "/a \"quoted\"\nroot";
  std::filesystem::create_directory(name);
  std::vector<std::string> arguments = OnFreePorts(name);
  arguments.push_back("--log-format=json");
  model::testing::TinySnapshot().Publish(name, "ads", 1);
  std::filesystem::create_directories(name + "/ads/2");
  std::ofstream(name + "/ads/2/snapshot") << "not one";
  ServerProgram program(arguments);
  ASSERT_THAT(program->ReadLine(), StartsWith("listening on"));
  program->Signal(SIGTERM);
  EXPECT_EQ(program->Wait(), 0);
  std::istringstream log(program->errors());
  int lines = 0;
  for (std::string line; std::getline(log, line); ++lines) {
    const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    ASSERT_TRUE(json.is_object()) << line;
    EXPECT_TRUE(json.contains("time") && json.contains("level") && json.contains("message")) << line;
  }
  EXPECT_GE(lines, 3);
  EXPECT_THAT(program->errors(), HasSubstr("\"level\":\"info\",\"message\":\"model ads version 1 serves"));
}

}  // namespace
}  // namespace adscore::server

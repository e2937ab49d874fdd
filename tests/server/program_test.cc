// The real program: flags, exit codes, the line it prints, signals.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "model/kernels/kernel_set.h"
#include "tests/model/tiny_snapshot.h"
#include "tests/server/loopback_http.h"
#include "tests/server/temp_directory.h"

namespace adscore::server {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A run of adscore-server, with its standard output and error in pipes.
class Program {
 public:
  explicit Program(std::vector<std::string> arguments) {
    int out[2];
    int err[2];
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) abort();
    pid_ = fork();
    if (pid_ == 0) {
      dup2(out[1], STDOUT_FILENO);
      dup2(err[1], STDERR_FILENO);
      arguments.insert(arguments.begin(), ADSCORE_SERVER);
      std::vector<char*> argv;
      for (std::string& argument : arguments) argv.push_back(argument.data());
      argv.push_back(nullptr);
      execv(ADSCORE_SERVER, argv.data());
      _exit(127);
    }
    close(out[1]);
    close(err[1]);
    out_ = out[0];
    err_ = err[0];
  }
  ~Program() {
    if (!waited_) {
      kill(pid_, SIGKILL);
      Wait();
    }
    close(out_);
    close(err_);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  std::string ReadLine() {
    std::string line;
    for (char c = 0; read(out_, &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }
  void Signal(int signal) { kill(pid_, signal); }

  // Its exit code, or minus the signal that ended it. Fills in output() and errors().
  int Wait() {
    output_ = ReadAll(out_);
    errors_ = ReadAll(err_);
    int status = 0;
    waitpid(pid_, &status, 0);
    waited_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  const std::string& output() const { return output_; }
  const std::string& errors() const { return errors_; }

 private:
  static std::string ReadAll(int fd) {
    std::string text;
    char buffer[4096];
    for (ssize_t n; (n = read(fd, buffer, sizeof(buffer))) > 0;) text.append(buffer, static_cast<size_t>(n));
    return text;
  }

  pid_t pid_ = 0;
  int out_ = -1;
  int err_ = -1;
  bool waited_ = false;
  std::string output_;
  std::string errors_;
};

std::vector<std::string> OnFreePorts(const std::string& root) {
  return {"--model-root",         root, "--listen", "127.0.0.1:0", "--http-listen=127.0.0.1:0",
          "--poll-interval-ms=10"};
}

int PortAfter(const std::string& line, const std::string& prefix) {
  const size_t at = line.find(prefix);
  return at == std::string::npos ? 0 : std::atoi(line.c_str() + at + prefix.size());
}

TEST(ProgramTest, HelpTeachesEveryFlagWithItsDefault) {
  Program program({"--help"});
  EXPECT_EQ(program.Wait(), 0);
  for (const char* text :
       {"--model-root DIR", "--listen HOST:PORT", "127.0.0.1:8500", "--http-listen HOST:PORT",
        "127.0.0.1:9464", "--serving-threads", "--max-batch-rows", "--max-batch-delay-us",
        "--max-queued-rows", "--poll-interval-ms", "--isa"}) {
    EXPECT_THAT(program.output(), HasSubstr(text));
  }
}

TEST(ProgramTest, HelpNamesTheInstructionSetsOfThisMachineAndNoOthers) {
  Program program({"--help"});
  EXPECT_EQ(program.Wait(), 0);
  std::string names = "auto";
  for (const model::KernelSet* set : model::AvailableKernelSets(model::Precision::kF32)) {
    names += std::string(", ") + set->name;
  }
  std::string help;  // in one line: how it is wrapped is not the point
  for (const char c : program.output()) {
    if (c != '\n' && (c != ' ' || !help.ends_with(' '))) help += c;
  }
  EXPECT_THAT(help, HasSubstr("one of: " + names));
}

TEST(ProgramTest, AnIpv6AddressForHttpIsBadUsageThatSaysWhatIsTaken) {
  const TempDirectory root;
  Program program({"--model-root", root.path(), "--http-listen", "[::1]:0"});
  EXPECT_EQ(program.Wait(), 2);
  EXPECT_THAT(program.errors(), HasSubstr("'[::1]:0' is IPv6"));
  EXPECT_THAT(program.errors(), HasSubstr("a name or an IPv4 address only"));
}

TEST(ProgramTest, VersionIsOneLine) {
  Program program({"--version"});
  EXPECT_EQ(program.Wait(), 0);
  EXPECT_THAT(program.output(), ContainsRegex("^adscore-server [0-9]+\\.[0-9]+\\.[0-9]+\n$"));
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
    Program program(arguments);
    EXPECT_EQ(program.Wait(), 2) << flag;
    EXPECT_THAT(program.errors(), HasSubstr(flag));
    EXPECT_EQ(std::count(program.errors().begin(), program.errors().end(), '\n'), 1) << program.errors();
    EXPECT_EQ(program.output(), "");
  }
}

TEST(ProgramTest, AModelRootThatIsNoDirectoryExitsWith1) {
  Program program({"--model-root", "/no/such/directory"});
  EXPECT_EQ(program.Wait(), 1);
  EXPECT_THAT(program.errors(), HasSubstr("/no/such/directory"));
}

TEST(ProgramTest, ServesPrintsItsAddressesAndExitsWith0OnSigterm) {
  const TempDirectory root;
  model::testing::TinySnapshot().Publish(root.path(), "ads", 1);
  Program program(OnFreePorts(root.path()));
  const std::string line = program.ReadLine();
  EXPECT_THAT(line,
              ContainsRegex("^listening on grpc://127\\.0\\.0\\.1:[0-9]+ http://127\\.0\\.0\\.1:[0-9]+$"));
  EXPECT_THAT(HttpGet(PortAfter(line, "http://127.0.0.1:"), "/readyz"), StartsWith("HTTP/1.1 200"));
  program.Signal(SIGTERM);
  EXPECT_EQ(program.Wait(), 0);
  EXPECT_EQ(program.output(), "");
  EXPECT_THAT(program.errors(), HasSubstr("model ads version 1 serves"));
}

TEST(ProgramTest, TakenPortsExitWith1AndOneLineThatNamesAddressAndFlag) {
  const TempDirectory root;
  Program first(OnFreePorts(root.path()));
  const std::string line = first.ReadLine();
  const std::string grpc = "127.0.0.1:" + std::to_string(PortAfter(line, "grpc://127.0.0.1:"));
  const std::string http = "127.0.0.1:" + std::to_string(PortAfter(line, "http://127.0.0.1:"));
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases = {
      {grpc, {"--model-root", root.path(), "--listen", grpc, "--http-listen", "127.0.0.1:0"}},
      {http, {"--model-root", root.path(), "--listen", "127.0.0.1:0", "--http-listen", http}},
  };
  for (const auto& [address, arguments] : cases) {
    Program second(arguments);
    EXPECT_EQ(second.Wait(), 1);
    EXPECT_THAT(second.errors(), HasSubstr(address));
    EXPECT_THAT(second.errors(), HasSubstr("listen"));
    EXPECT_EQ(std::count(second.errors().begin(), second.errors().end(), '\n'), 1) << second.errors();
  }
  first.Signal(SIGINT);
  EXPECT_EQ(first.Wait(), 0);
}

}  // namespace
}  // namespace adscore::server

// What one server has logged, another one is warmed up with and answers alike, by the real programs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "request_log/log_files.h"
#include "tests/model/tiny_snapshot.h"
#include "tests/program.h"
#include "tests/server/temp_directory.h"

namespace adscore {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;
using testing::Program;

class RequestLogIntegrationTest : public ::testing::Test {
 protected:
  RequestLogIntegrationTest() { model::testing::TinySnapshot().Publish(Path("models"), "ads", 3); }

  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }

  std::vector<std::string> Server(std::vector<std::string> more) const {
    std::vector<std::string> command = {ADSCORE_SERVER, "--model-root",  Path("models"), "--listen",
                                        "127.0.0.1:0",  "--http-listen", "127.0.0.1:0"};
    command.insert(command.end(), more.begin(), more.end());
    return command;
  }
  static std::string TargetOf(Program* server) {
    const std::string line = server->ReadLine();
    EXPECT_THAT(line, ::testing::StartsWith("listening on grpc://")) << server->errors();
    return line.substr(20, line.find(' ', 20) - 20);
  }
  static void End(Program* server) {
    server->Signal(SIGTERM);
    EXPECT_EQ(server->Wait(), 0) << server->errors();
  }
  Json Bench(const std::string& target, std::vector<std::string> more) const {
    std::vector<std::string> command = {ADSCORE_CLIENT,  "bench", "--target", target,
                                        "--deadline-ms", "30000", "--json"};
    command.insert(command.end(), more.begin(), more.end());
    Program client(command, Path("client.log"));
    EXPECT_EQ(client.Wait(), 0) << client.errors();
    return Json::parse(client.output(), nullptr, /*allow_exceptions=*/false);
  }

  const server::TempDirectory directory_;
};

TEST_F(RequestLogIntegrationTest, WhatIsLoggedWarmsUpAndIsAnsweredAlike) {
  Program logging(Server({"--request-log", Path("log"), "--request-log-sample", "1",
                          "--request-log-max-bytes", "8388608"}),
                  Path("logging.log"));
  const std::string target = TargetOf(&logging);
  uint64_t asked = 0;
  for (const char* stream : {"", "--stream"}) {
    std::vector<std::string> flags = {"--concurrency", "4", "--duration",   "0.3",
                                      "--warmup",      "0", "--candidates", "5"};
    if (*stream != '\0') flags.emplace_back(stream);
    asked += Bench(target, flags)["requests"].get<uint64_t>();
  }
  End(&logging);
  ASSERT_GT(asked, 0u);
  EXPECT_FALSE(request_log::FindLogFiles(Path("log"))->empty());

  Program warmed(Server({"--warmup-log", Path("log")}), Path("warmed.log"));
  const std::string again = TargetOf(&warmed);
  EXPECT_THAT(warmed.errors(), HasSubstr("model ads version 3 warmed up with "));
  EXPECT_THAT(warmed.errors(), ::testing::Not(HasSubstr("warmed up with 0 requests")));
  const Json replay = Bench(again, {"--replay", Path("log"), "--concurrency", "4", "--check"});
  EXPECT_EQ(replay["errors"], 0);
  EXPECT_EQ(replay["wrong"], 0);
  EXPECT_EQ(replay["compared"], replay["requests"]);
  EXPECT_GE(replay["requests"].get<uint64_t>(), 1u);
  EXPECT_LE(replay["requests"].get<uint64_t>(), asked);
  EXPECT_EQ(replay["rows"].get<uint64_t>(), 5 * replay["requests"].get<uint64_t>());
  End(&warmed);

  Program check(Server({"--request-log", Path("log"), "--warmup-log", Path("log"), "--check"}),
                Path("check.log"));
  EXPECT_EQ(check.Wait(), 0) << check.errors();
  EXPECT_THAT(check.output(), HasSubstr("ok: request log " + Path("log")));
  EXPECT_THAT(check.output(), HasSubstr("warmed up with "));
}

}  // namespace
}  // namespace adscore

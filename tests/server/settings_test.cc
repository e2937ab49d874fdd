// What flags and --config make of the settings, and what they refuse.
#include "server/config/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "server/config/rules.h"
#include "tests/server/temp_directory.h"

namespace adscore::server {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SettingsTest : public ::testing::Test {
 protected:
  ReadSettings Read(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "adscore-server");
    std::vector<const char*> argv;
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    return ReadSettingsFrom(static_cast<int>(argv.size()), argv.data());
  }

  std::string File(const std::string& text) const {
    const std::string path = directory_.path() + "/server.toml";
    std::ofstream(path) << text;
    return path;
  }

  const TempDirectory directory_;
};

TEST_F(SettingsTest, AFileHasTheNamesOfTheFlags) {
  const ReadSettings read = Read({"--config", File(R"(# a comment
model-root = "models"
listen = "127.0.0.1:7000"
max-batch-delay-us = 50
drain-delay-ms = 5000
max-mean-shift = 0.2
schema-change = "refuse"
precision = "bf16"
allow-insecure = true
)")});
  EXPECT_THAT(read.problems, IsEmpty());
  const ServerOptions& server = read.settings.server;
  EXPECT_EQ(server.model_root, "models");
  EXPECT_EQ(server.listen.port, 7000);
  EXPECT_EQ(server.batch.max_delay.count(), 50);
  EXPECT_EQ(server.drain_delay.count(), 5000);
  EXPECT_EQ(server.policy.guards.max_mean_shift, 0.2);
  EXPECT_FALSE(server.policy.guards.allow_schema_change);
  EXPECT_EQ(server.precision, model::Precision::kBf16);
  EXPECT_TRUE(read.settings.allow_insecure);
}

TEST_F(SettingsTest, TheCommandLineGoesBeforeTheFile) {
  const std::string file = File("model-root = \"models\"\nmax-queued-rows = 100\nkeep-versions = 7\n");
  const ReadSettings read = Read({"--config", file, "--max-queued-rows", "200"});
  EXPECT_THAT(read.problems, IsEmpty());
  EXPECT_EQ(read.settings.server.max_queued_rows, 200u);
  EXPECT_EQ(read.settings.server.policy.keep_versions, 7u);
}

TEST_F(SettingsTest, AllProblemsOfFlagsAndFileAreListedAtOnce) {
  const std::string file =
      File("modle-root = \"models\"\nlog-level = \"loud\"\nallow-insecure = \"maybe\"\n");
  const ReadSettings read =
      Read({"--config", file, "--listen", "0.0.0.0:8500", "--max-batch-rows=0", "--no-such-flag"});
  EXPECT_THAT(read.problems, Contains(HasSubstr("'modle-root' is no setting")));
  EXPECT_THAT(read.problems, Contains(HasSubstr("--log-level: 'loud' is none of debug, info")));
  EXPECT_THAT(read.problems, Contains(HasSubstr("allow-insecure: 'maybe' is not true or false")));
  EXPECT_THAT(read.problems, Contains(HasSubstr("--listen 0.0.0.0:8500 can be reached from other machines")));
  EXPECT_THAT(read.problems, Contains(HasSubstr("--max-batch-rows: '0' is not a whole number")));
  EXPECT_THAT(read.problems, Contains(HasSubstr("'--no-such-flag'")));
  EXPECT_THAT(read.problems, Contains(HasSubstr("--model-root is required")));
  EXPECT_EQ(read.problems.size(), 7u);
}

TEST_F(SettingsTest, AFileMayNotSaySomethingTwiceOrInSections) {
  const ReadSettings read = Read(
      {"--model-root", "models", "--config", File("keep-versions = 1\nisa = \"auto\"\nkeep-versions = 2\n")});
  EXPECT_THAT(read.problems, ElementsAre(HasSubstr("keep-versions is given more than once")));
  const ReadSettings sections =
      Read({"--model-root", "models", "--config", File("[serving]\nkeep-versions = 1\n")});
  EXPECT_THAT(sections.problems, Contains(HasSubstr("no [sections]")));
}

TEST_F(SettingsTest, WhatBelongsOnTheCommandLineIsRefusedInAFile) {
  const ReadSettings read =
      Read({"--model-root", "models", "--config", File("check = true\nconfig = \"other\"\n")});
  EXPECT_THAT(read.problems, ElementsAre(HasSubstr("check is for the command line only"),
                                         HasSubstr("config is for the command line only")));
}

TEST_F(SettingsTest, AFileThatIsNotThereIsNamed) {
  const ReadSettings read = Read({"--model-root", "models", "--config", "/no/such/file"});
  EXPECT_THAT(read.problems, ElementsAre(HasSubstr("/no/such/file")));
}

TEST_F(SettingsTest, UnencryptedCallsNeedLoopbackOrConsent) {
  for (const char* address : {"127.0.0.1:0", "127.3.2.1:0", "localhost:0", "[::1]:0"}) {
    EXPECT_THAT(Read({"--model-root", "m", "--listen", address}).problems, IsEmpty()) << address;
  }
  for (const char* address : {"0.0.0.0:0", "[::]:0", "10.0.0.1:0", "127.example.com:0", "localhost.com:0"}) {
    EXPECT_THAT(Read({"--model-root", "m", "--listen", address}).problems,
                ElementsAre(HasSubstr("--allow-insecure")))
        << address;
    EXPECT_THAT(Read({"--model-root", "m", "--listen", address, "--allow-insecure"}).problems, IsEmpty());
  }
  // Nothing can be scored or changed there.
  EXPECT_THAT(Read({"--model-root", "m", "--http-listen", "0.0.0.0:0"}).problems, IsEmpty());
}

TEST_F(SettingsTest, EncryptionIsEnoughForAnyAddress) {
  const ReadSettings read =
      Read({"--model-root", "m", "--listen", "0.0.0.0:0", "--tls-cert", "c", "--tls-key", "k",
            "--tls-client-ca", "a", "--operator-clients", "ann, bob"});
  EXPECT_THAT(read.problems, IsEmpty());
  EXPECT_THAT(read.settings.server.operator_clients, ElementsAre("ann", "bob"));
}

TEST_F(SettingsTest, SecurityThatIsNoneIsRefused) {
  const ReadSettings read = Read(
      {"--model-root", "m", "--tls-key", "k", "--tls-client-ca", "a", "--operator-listen", "10.0.0.1:8501"});
  EXPECT_THAT(read.problems,
              ElementsAre("--tls-key needs its --tls-cert", HasSubstr("--tls-client-ca needs --tls-cert"),
                          HasSubstr("--operator-listen 10.0.0.1:8501 can be reached from other machines")));
  EXPECT_THAT(Read({"--model-root", "m", "--operator-clients", "ann"}).problems,
              ElementsAre(HasSubstr("--operator-clients needs --tls-client-ca")));
  EXPECT_THAT(Read({"--model-root", "m", "--operator-listen", "127.0.0.1:8500"}).problems,
              ElementsAre(HasSubstr("--operator-listen and --listen are both 127.0.0.1:8500")));
}

TEST_F(SettingsTest, ARequestLogHasItsDirectoryAndNothingIsKeptWithout) {
  const ReadSettings read = Read({"--model-root", "m", "--request-log", "log", "--request-log-sample", "0.5",
                                  "--request-log-max-bytes", "1048576", "--warmup-log", "log"});
  EXPECT_THAT(read.problems, IsEmpty());
  EXPECT_EQ(read.settings.server.request_log.directory, "log");
  EXPECT_EQ(read.settings.server.request_log.share, 0.5);
  EXPECT_EQ(read.settings.server.request_log.all_bytes, 1048576u);
  EXPECT_EQ(read.settings.server.warmup_log, "log");
  EXPECT_THAT(Read({"--model-root", "m", "--request-log-sample", "0.5"}).problems,
              ElementsAre(HasSubstr("--request-log-sample needs --request-log")));
  EXPECT_THAT(Read({"--model-root", "m", "--request-log", "log", "--request-log-sample", "1.5"}).problems,
              ElementsAre(HasSubstr("--request-log-sample: '1.5'")));
  EXPECT_EQ(Read({"--model-root", "m", "--request-log", "log"}).settings.server.request_log.share, 0.01);
}

TEST_F(SettingsTest, ChangedFlagsAreThoseWithAnotherValueWhereverItIsGiven) {
  const Settings before =
      Read({"--config", File("model-root = \"m\"\nlog-level = \"info\"\nkeep-versions = 3\n")}).settings;
  const Settings after =
      Read({"--config", File("model-root = \"m\"\nlog-level = \"warn\"\nmax-queued-rows = 5\n")}).settings;
  EXPECT_THAT(ChangedFlags(before, after),
              ElementsAre("--keep-versions", "--log-level", "--max-queued-rows"));
  EXPECT_THAT(ChangedFlags(before, before), IsEmpty());
  // To give a default is no change.
  const Settings defaults = Read({"--config", File("model-root = \"m\"\nkeep-versions = 1\n")}).settings;
  EXPECT_THAT(ChangedFlags(defaults, Read({"--config", File("model-root = \"m\"\n")}).settings),
              ElementsAre());
}

}  // namespace
}  // namespace adscore::server

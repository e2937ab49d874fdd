// What a running server takes over of settings that are read anew.
#include "server/config/reread.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/kept_log.h"
#include "tests/server/temp_directory.h"

namespace adscore::server {
namespace {

class RereadTest : public ::testing::Test {
 protected:
  ReadSettings Read(std::vector<std::string> arguments) const {
    const std::vector<std::string> always = {"adscore-server", "--model-root",  root_.path(),
                                             "--listen",       "127.0.0.1:0",   "--http-listen",
                                             "127.0.0.1:0",    "--request-log", root_.path() + "/log"};
    arguments.insert(arguments.begin(), always.begin(), always.end());
    std::vector<const char*> argv;
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    return ReadSettingsFrom(static_cast<int>(argv.size()), argv.data());
  }

  const TempDirectory root_;
};

TEST_F(RereadTest, WhatCanChangeIsTakenOverAndLoggedWithBothValues) {
  Settings settings = Read({"--keep-versions", "3"}).settings;
  auto server = Server::Start(settings.server);
  ASSERT_TRUE(server.ok()) << server.status();
  const KeptLog log;
  TakeOver(Read({"--max-mean-shift", "0.2", "--min-version-age-s", "5", "--schema-change", "refuse",
                 "--request-log-sample", "0.25", "--max-queued-rows", "77"}),
           &settings, server->get());
  EXPECT_EQ(log.Count("--keep-versions: 3 → 1"), 1);
  EXPECT_EQ(log.Count("--max-mean-shift: 0 → 0.2"), 1);
  EXPECT_EQ(log.Count("--min-version-age-s: 0 → 5"), 1);
  EXPECT_EQ(log.Count("--schema-change: allow → refuse"), 1);
  EXPECT_EQ(log.Count("--request-log-sample: 0.01 → 0.25"), 1);
  EXPECT_EQ(log.Count("--max-queued-rows: 16384 → 77 needs a restart"), 1);
  EXPECT_EQ(log.Count("5 changed"), 1);
  EXPECT_EQ(settings.server.policy.keep_versions, 1u);
  EXPECT_EQ(settings.server.policy.guards.max_mean_shift, 0.2);
  EXPECT_EQ(settings.server.request_log.share, 0.25);
  EXPECT_EQ(settings.server.max_queued_rows, 16384u);

  // What needs a restart needs it until there is one; what was taken over has not changed again.
  TakeOver(Read({"--max-mean-shift", "0.2", "--min-version-age-s", "5", "--schema-change", "refuse",
                 "--request-log-sample", "0.25", "--max-queued-rows", "77"}),
           &settings, server->get());
  EXPECT_EQ(log.Count("0 changed"), 1);
  EXPECT_EQ(log.Count("needs a restart"), 2);
}

TEST_F(RereadTest, NothingChangesIfAnythingCannotBe) {
  Settings settings = Read({}).settings;
  auto server = Server::Start(settings.server);
  ASSERT_TRUE(server.ok()) << server.status();
  const KeptLog log;
  TakeOver(Read({"--keep-versions", "9", "--request-log-sample", "2"}), &settings, server->get());
  EXPECT_EQ(log.Count("nothing was changed"), 1);
  EXPECT_EQ(log.Count("--request-log-sample: '2'"), 1);
  EXPECT_EQ(settings.server.policy.keep_versions, 1u);
}

TEST_F(RereadTest, AChangeOfTheLevelIsSeenBothWays) {
  Settings settings = Read({"--log-level", "error"}).settings;
  auto server = Server::Start(settings.server);
  ASSERT_TRUE(server.ok()) << server.status();
  const KeptLog log;
  spdlog::set_level(spdlog::level::err);
  TakeOver(Read({"--log-level", "info"}), &settings, server->get());
  EXPECT_EQ(log.Count("--log-level: error → info"), 1);
  TakeOver(Read({"--log-level", "error"}), &settings, server->get());
  EXPECT_EQ(log.Count("--log-level: info → error"), 1);
  spdlog::info("not to be seen");
  EXPECT_EQ(log.Count("not to be seen"), 0);
}

}  // namespace
}  // namespace adscore::server

// The status page in a real browser, beside a real server that is being asked: what it draws, that its script
// makes no mistake, and that text from models stays text.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "model/model_root.h"
#include "server/http/http_server.h"
#include "server/metrics/server_metrics.h"
#include "tests/model/tiny_snapshot.h"
#include "tests/program.h"
#include "tests/server/in_process.h"
#include "tests/server/loopback_http.h"

namespace adscore::server {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kBrowser = "/usr/bin/chromium";
// Seconds of the page's own clock, which runs as fast as the page gets its answers.
constexpr int kPageSeconds = 12;

class StatusPageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kBrowser)) {
      GTEST_SKIP() << kBrowser << " is not there: install Debian's chromium to look at the status page";
    }
    std::filesystem::create_directories(root());
    snapshot_.Publish(root(), "ads", 7);
    // A version that is refused, for a reason that names its path.
    std::filesystem::create_directories(model::VersionDirectory(root(), "ads", 8));
    std::ofstream(model::VersionDirectory(root(), "ads", 8) + "/snapshot") << "no snapshot";
  }

  // Markup in the path of the model root ends up in messages.
  std::string root() const { return temp_.path() + "/<img src=x onerror=document.title=1>"; }

  // What the page has become after a while.
  std::string Draw(int port) {
    adscore::testing::Program browser(
        {kBrowser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage",
         "--user-data-dir=" + temp_.path() + "/browser", "--enable-logging=stderr",
         "--virtual-time-budget=" + std::to_string(1000 * kPageSeconds), "--dump-dom",
         "http://127.0.0.1:" + std::to_string(port) + "/"},
        temp_.path() + "/browser.log");
    EXPECT_EQ(browser.Wait(), 0) << browser.errors();
    EXPECT_THAT(browser.errors(), Not(HasSubstr("CONSOLE")));
    return browser.output();
  }

  const TempDirectory temp_;
  const model::testing::TinySnapshot snapshot_;
};

// The figure of a tile.
std::string Tile(const std::string& page, const std::string& key) {
  const size_t tile = page.find("data-key=\"" + key + "\"");
  const std::string begin = "class=\"value\">";
  const size_t at = page.find(begin, tile);
  if (tile == std::string::npos || at == std::string::npos) return "";
  return page.substr(at + begin.size(), page.find('<', at + begin.size()) - at - begin.size());
}

TEST_F(StatusPageTest, DrawsWhatALiveServerDoesAndKeepsTextText) {
  InProcess server(root());
  std::atomic<bool> stop{false};
  std::thread traffic([&] {
    const v1::PredictRequest request = ParseRequest(
        R"({"model": "ads", "named": {"context": {"hour": 13}, "candidates": {"ad": ["ad1", "elsewhere", "ad3"]}}})");
    while (!stop) {
      v1::PredictResponse response;
      EXPECT_TRUE(server.Predict(request, &response).ok());
    }
  });
  const std::string page = Draw(server.http_port());
  stop = true;
  traffic.join();

  EXPECT_THAT(page, Not(HasSubstr("data-error")));
  EXPECT_THAT(page, HasSubstr("class=\"state good\""));
  EXPECT_THAT(Tile(page, "rate"), ContainsRegex("^[0-9,.]*[1-9]"));
  EXPECT_THAT(Tile(page, "p99"), ContainsRegex("^[0-9.]+ (µs|ms|s)$"));
  EXPECT_THAT(Tile(page, "batch"), ContainsRegex("^[0-9]"));
  EXPECT_EQ(Tile(page, "errors"), "0.0 %");
  EXPECT_THAT(Tile(page, "queue"), ContainsRegex("^[0-9]"));
  EXPECT_THAT(page, HasSubstr("data-model=\"ads\""));
  EXPECT_THAT(page, HasSubstr("<span class=\"chip serving\">serving</span>"));
  EXPECT_THAT(page, HasSubstr("<span class=\"chip refused\">refused</span>"));
  for (const char* head : {"<h3>click<", "<h3>conversion<"}) EXPECT_THAT(page, HasSubstr(head));
  EXPECT_THAT(page, HasSubstr("class=\"b1\""));       // bars of a distribution
  EXPECT_THAT(page, HasSubstr("class=\"line c1\""));  // latency over time
  EXPECT_THAT(page, HasSubstr("not in the vocabulary"));
  // The reason is there, as text.
  EXPECT_THAT(page, HasSubstr("&lt;img src=x onerror=document.title=1&gt;"));
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_THAT(page, HasSubstr("<title>adscore</title>"));
}

TEST_F(StatusPageTest, AServerWithoutAModelIsNotReady) {
  const TempDirectory empty;
  InProcess server(empty.path());
  const std::string page = Draw(server.http_port());
  EXPECT_THAT(page, Not(HasSubstr("data-error")));
  EXPECT_THAT(page, HasSubstr("not ready: no model has a version that serves yet"));
  EXPECT_THAT(page, HasSubstr("no model in the model root"));
}

TEST_F(StatusPageTest, SaysWhenTheServerCanNotBeReached) {
  // What it answers ends in the middle, as when it goes down.
  const ServerMetrics metrics(1, [] { return LiveState{}; });
  const auto broken = *HttpServer::Start("127.0.0.1", 0,
                                         {.metrics = metrics,
                                          .not_ready = [] { return std::nullopt; },
                                          .status = [] { return std::string("{\"models\": ["); }});
  const std::string page = Draw(broken->port());
  EXPECT_THAT(page, HasSubstr("the server can't be reached"));
  EXPECT_THAT(page, HasSubstr("class=\"state bad\""));
}

}  // namespace
}  // namespace adscore::server

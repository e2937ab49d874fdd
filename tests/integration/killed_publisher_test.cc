// Publishers that are killed at any moment while a server watches: it never comes across a part of a version.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "model/model_root.h"
#include "tests/program.h"
#include "tests/server/in_process.h"
#include "tests/server/loopback_http.h"

namespace adscore::server {
namespace {

using adscore::testing::Program;

constexpr int kKills = 300;

TEST(KilledPublisherTest, TheServerNeverSeesAPartOfAVersion) {
  const TempDirectory root;
  const TempDirectory logs;
  std::filesystem::create_directories(root.path() + "/m");
  InProcess process(root.path());
  const auto start = [&] {
    return std::make_unique<Program>(std::vector<std::string>{ADSCORE_PUBLISH_LOOP, root.path(), "m"},
                                     logs.path() + "/errors");
  };
  // How long a publisher needs for its first version here: a slow one must not always be killed before it.
  const auto begin = std::chrono::steady_clock::now();
  const std::unique_ptr<Program> first = start();
  for (int i = 0; i < 100'000 && model::ListVersions(root.path(), "m")->empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  const auto longest =
      std::chrono::duration_cast<std::chrono::microseconds>(2 * (std::chrono::steady_clock::now() - begin));
  first->Signal(SIGKILL);
  EXPECT_EQ(first->Wait(), -SIGKILL) << first->errors();
  std::mt19937 random(17);
  for (int i = 0; i < kKills; ++i) {
    const std::unique_ptr<Program> publisher = start();
    std::this_thread::sleep_for(longest * (random() % 1024) / 1024);
    publisher->Signal(SIGKILL);
    EXPECT_EQ(publisher->Wait(), -SIGKILL) << publisher->errors();
  }
  const int64_t newest = model::ListVersions(root.path(), "m")->at(0);
  EXPECT_EQ(process.AwaitVersion("m", newest), newest);
  const std::string metrics = HttpGet(process.http_port(), "/metrics");
  EXPECT_NE(metrics.find("outcome=\"swapped\""), std::string::npos);
  EXPECT_EQ(metrics.find("outcome=\"refused\""), std::string::npos) << metrics;
  EXPECT_EQ(metrics.find("outcome=\"failed\""), std::string::npos) << metrics;
}

}  // namespace
}  // namespace adscore::server

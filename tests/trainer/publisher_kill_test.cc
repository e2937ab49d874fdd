// Publishers that are killed at any moment, while another one publishes the same model and this process looks
// on: no version is ever there in part, and the next publish clears away what is left.
//
// ADSCORE_LONG_TESTS=1 in the environment: ten times as often.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>

#include "model/model_root.h"
#include "model/snapshot.h"
#include "tests/model/tiny_snapshot.h"
#include "tests/program.h"
#include "tests/trainer/test_data.h"
#include "trainer/publisher.h"

namespace adscore::trainer {
namespace {

namespace fs = std::filesystem;
using adscore::testing::Program;

const int kKills = std::getenv("ADSCORE_LONG_TESTS") == nullptr ? 300 : 3000;

std::string Manifest(int64_t version, const model::Provenance& = {}) {
  return "{\"version\": " + std::to_string(version) + "}\n";
}

// Opens every version as it appears.
class Watcher {
 public:
  explicit Watcher(std::string root) : root_(std::move(root)), thread_([this] { Watch(); }) {}
  ~Watcher() { Stop(); }
  // Returns once what is there now has been looked at.
  void Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  size_t seen() const { return seen_.size(); }

 private:
  void Watch() {
    for (bool last = false; !last;) {
      last = stop_;
      const auto versions = model::ListVersions(root_, "m");
      if (!versions.ok()) continue;  // before the first publish
      for (const int64_t version : *versions) {
        if (!seen_.insert(version).second) continue;
        const std::string directory = model::VersionDirectory(root_, "m", version);
        EXPECT_EQ(ReadFile(directory + "/manifest.json"), Manifest(version));
        const auto mapped = model::MappedSnapshot::Open(directory + "/snapshot");
        EXPECT_TRUE(mapped.ok()) << mapped.status();
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  const std::string root_;
  std::set<int64_t> seen_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

class PublisherKillTest : public ::testing::Test {
 protected:
  std::unique_ptr<Program> Start(const std::string& name) {
    return std::make_unique<Program>(std::vector<std::string>{ADSCORE_PUBLISH_LOOP, root_.path(), "m"},
                                     directory_.path() + "/" + name);
  }
  std::vector<std::string> Hidden() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(root_.path() + "/m")) {
      const std::string name = entry.path().filename();
      if (name.starts_with(".")) names.push_back(name);
    }
    return names;
  }
  int64_t Publish() const {
    const model::testing::TinySnapshot tiny;
    const auto published = trainer::Publish(root_.path(), "m", tiny.snapshot(), Manifest);
    EXPECT_TRUE(published.ok()) << published.status();
    return published.ok() ? published->version : 0;
  }

  const TestDirectory root_;
  const TestDirectory directory_;
};

TEST_F(PublisherKillTest, AtAnyMomentLeavesTheModelRootWhole) {
  fs::create_directories(root_.path() + "/m");
  Watcher watcher(root_.path());
  const auto rival = Start("rival");
  std::mt19937 random(11);
  for (int i = 0; i < kKills; ++i) {
    const auto victim = Start("victim");
    // Some are killed before they begin, most in the midst of it.
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
    victim->Signal(SIGKILL);
    EXPECT_EQ(victim->Wait(), -SIGKILL) << victim->errors();
  }
  rival->Signal(SIGKILL);
  EXPECT_EQ(rival->Wait(), -SIGKILL) << rival->errors();
  Publish();
  watcher.Stop();
  EXPECT_TRUE(Hidden().empty());
  EXPECT_EQ(watcher.seen(), model::ListVersions(root_.path(), "m")->size());
}

TEST_F(PublisherKillTest, TheNextPublishClearsAwayWhatOneLeftAtOnce) {
  fs::create_directories(root_.path() + "/m");
  // Kill until something was left: how long that takes is chance.
  for (int i = 0; Hidden().empty(); ++i) {
    ASSERT_LT(i, 1000);
    const auto victim = Start("victim");
    while (Hidden().empty()) std::this_thread::yield();
    victim->Signal(SIGKILL);
    victim->Wait();
  }
  Publish();
  EXPECT_TRUE(Hidden().empty());
}

TEST_F(PublisherKillTest, OneThatOnlyWaitsIsNotCleared) {
  fs::create_directories(root_.path() + "/m");
  std::vector<std::string> before;
  std::unique_ptr<Program> slow;
  for (int i = 0; before.empty(); ++i) {
    ASSERT_LT(i, 1000);
    slow = Start("slow");
    while (Hidden().empty()) std::this_thread::yield();
    slow->Signal(SIGSTOP);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    before = Hidden();
    if (before.empty()) slow->Signal(SIGKILL);
  }
  const int64_t version = Publish();
  // Locked by then, or stopped in the few instructions before: then it makes another one.
  slow->Signal(SIGCONT);
  while (model::ListVersions(root_.path(), "m")->front() <= version) std::this_thread::yield();
  slow->Signal(SIGKILL);
  EXPECT_EQ(slow->Wait(), -SIGKILL) << slow->errors();
}

}  // namespace
}  // namespace adscore::trainer

// A model root and the lives of its models, with a clock that a test moves and a log that it can read.
//
// Not thread-safe, but for the lives and what they share.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "model/model_root.h"
#include "server/snapshots/model_lives.h"
#include "spdlog/sinks/ostream_sink.h"
#include "spdlog/spdlog.h"
#include "tests/model/faulty_calls.h"
#include "tests/model/tiny_snapshot.h"
#include "tests/server/fake_clock.h"
#include "tests/server/temp_directory.h"

namespace adscore::server {

// While it lives, what is logged is kept instead of written.
class KeptLog {
 public:
  KeptLog() {
    spdlog::set_default_logger(
        std::make_shared<spdlog::logger>("kept", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_)));
  }
  ~KeptLog() { spdlog::set_default_logger(previous_); }

  int Count(const std::string& part) const {
    const std::string text = text_.str();
    int count = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
    return count;
  }

 private:
  std::ostringstream text_;
  const std::shared_ptr<spdlog::logger> previous_ = spdlog::default_logger();
};

class ModelLifeTest : public ::testing::Test {
 protected:
  const model::KernelSet* kernels_ = *model::FindKernelSet("auto", model::Precision::kF32);

  std::unique_ptr<ModelLives> NewLives(const Guards& guards = {}, size_t keep_versions = 1) {
    return std::make_unique<ModelLives>(LifeParts{.model_root = root_.path(),
                                                  .kernels = kernels_,
                                                  .registry = &registry_,
                                                  .metrics = &metrics_,
                                                  .clock = &clock_,
                                                  .keep_versions = keep_versions,
                                                  .guards = guards,
                                                  .calls = &calls_});
  }
  // As the watcher does.
  void Look() {
    for (ModelLife* life : lives_->Find()) changes_ += life->Look() ? 1 : 0;
  }
  ModelLife& Ads() { return *lives_->Of("ads"); }

  std::string File(const std::string& name, int64_t version) {
    return model::VersionDirectory(root_.path(), name, version) + "/" + std::string(model::kSnapshotFile);
  }
  void PublishText(const std::string& name, int64_t version, const std::string& text) {
    std::filesystem::create_directories(model::VersionDirectory(root_.path(), name, version));
    std::ofstream(File(name, version)) << text;
  }
  int64_t Serving(const std::string& name) {
    const auto models = registry_.Pin();
    const auto found = models->find(name);
    return found == models->end() ? 0 : found->second.stable->version;
  }
  // Tells snapshots of one schema apart.
  float FirstWeight(const std::string& name) {
    return registry_.Pin()->at(name).stable->model->snapshot().layers[0].weights[0];
  }
  // By outcome, or by the reason why there was none.
  double Swaps(const std::string& outcome_or_reason) {
    double swaps = 0;
    for (const auto& family : metrics_.Collect()) {
      if (family.name != "adscore_model_swaps_total") continue;
      for (const auto& metric : family.metric) {
        const bool is_asked =
            metric.label.at(1).value == outcome_or_reason || metric.label.at(2).value == outcome_or_reason;
        if (is_asked) swaps += metric.counter.value;
      }
    }
    return swaps;
  }

  TempDirectory root_;
  model::testing::FaultyCalls calls_;  // without a fault unless a test sets one
  FakeClock clock_;
  Registry registry_;
  ServerMetrics metrics_{1, [] { return LiveState{}; }};
  int changes_ = 0;  // looks that changed something
  std::unique_ptr<ModelLives> lives_ = NewLives();
  const model::testing::TinySnapshot snapshot_;
};

}  // namespace adscore::server

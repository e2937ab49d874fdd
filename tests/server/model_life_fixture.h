// A model root and the lives of its models, with a clock that a test moves.
//
// Not thread-safe, but for the lives and what they share.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "model/model_root.h"
#include "server/snapshots/model_lives.h"
#include "tests/model/faulty_calls.h"
#include "tests/model/tiny_snapshot.h"
#include "tests/server/fake_clock.h"
#include "tests/server/kept_log.h"
#include "tests/server/temp_directory.h"

namespace adscore::server {

class ModelLifeTest : public ::testing::Test {
 protected:
  const model::KernelSet* kernels_ = *model::FindKernelSet("auto", model::Precision::kF32);

  std::unique_ptr<ModelLives> NewLives(const Guards& guards = {}, size_t keep_versions = 1) {
    return std::make_unique<ModelLives>(
        LifeParts{.model_root = root_.path(),
                  .kernels = kernels_,
                  .registry = &registry_,
                  .metrics = &metrics_,
                  .clock = &clock_,
                  .policy = {.keep_versions = keep_versions, .guards = guards},
                  .warm_up = [this](const ServedModel& served) { WarmUp(served); },
                  .calls = &calls_});
  }
  void WarmUp(const ServedModel& served) {
    warmed_up_.push_back(served.version);
    if (Serving(served.name) == served.version) served_when_warmed_up_.push_back(served.version);
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
  int changes_ = 0;                             // looks that changed something
  std::vector<int64_t> warmed_up_;              // versions, in order
  std::vector<int64_t> served_when_warmed_up_;  // those of them
  std::unique_ptr<ModelLives> lives_ = NewLives();
  const model::testing::TinySnapshot snapshot_;
};

}  // namespace adscore::server

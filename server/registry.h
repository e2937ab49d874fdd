// What this server holds: the models that answer, in which versions, and how each model is. The lifecycles of
// the models write it, the serving loops pin the models once per batch.
//
// Thread-safe. ServedModel, ModelVersions and ServedModels are constant once they are published.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "model/model.h"
#include "model/rollout.h"
#include "server/metrics/server_metrics.h"
#include "server/traffic_sample.h"

namespace adscore::server {

struct ServedModel {
  std::string name;
  int64_t version = 0;
  std::unique_ptr<const model::Model> model;
  const ModelMetrics* metrics = nullptr;
  std::shared_ptr<const VersionMetrics> version_metrics;
  std::vector<std::shared_ptr<const FeatureMetrics>> feature_metrics;  // of the first kCountedFeatures
  std::unique_ptr<TrafficSample> traffic;                              // of what this version answers
};

// The versions of one model that are in memory, by the part that each plays.
struct ModelVersions {
  std::shared_ptr<const ServedModel> stable;    // never null
  std::shared_ptr<const ServedModel> canary{};  // null: none
  double canary_share = 0;                      // of the keys, in (0, 1] with a canary
  // Answer when asked for by number; newest first, without the two above.
  std::vector<std::shared_ptr<const ServedModel>> others{};

  bool operator==(const ModelVersions&) const = default;
};

// Gives a model that was just loaded the cells that are counted in. `snapshot_bytes`: the size of its file.
void ResolveMetrics(ServerMetrics* metrics, uint64_t snapshot_bytes, ServedModel* served);

// Newest first.
std::vector<int64_t> VersionsInMemory(const ModelVersions& versions);

// Whether requests that are packed for one suit the other, and answers mean the same: alike in schema and
// heads.
bool ScoreTheSameRequests(const ServedModel& a, const ServedModel& b);

// By the model's name.
using ServedModels = std::map<std::string, ModelVersions, std::less<>>;

struct RefusedVersion {
  int64_t version = 0;
  std::string reason;  // one line: what is wrong and what to do
  std::chrono::system_clock::time_point refused_at;
};

// The shadow against the stable version on the same rows, for one head.
struct ShadowDifference {
  std::string head;
  int64_t rows = 0;
  double stable_sum = 0;  // of probabilities
  double shadow_sum = 0;
  double absolute_sum = 0;  // of |shadow - stable|
};

// A model under the model root, whether it serves or not.
struct ModelStatus {
  std::string name;
  int64_t serving_version = 0;                          // the stable one; 0 if none serves
  std::chrono::system_clock::time_point serving_since;  // if one does
  model::Rollout rollout;                               // what operators have decided
  std::vector<int64_t> loaded;                          // versions in memory, newest first
  std::vector<RefusedVersion> refused;                  // newest first
  std::vector<ShadowDifference> shadow;                 // one per head; empty without a shadow
  std::string problem;                                  // one line if what was decided can't be had
};

class Registry {
 public:
  // The models that serve. A batch holds on to the result, so that they outlive a swap; never null.
  std::shared_ptr<const ServedModels> Pin() const;

  // Serves `versions` of the model `name` in place of what served of it. Returns what Pin() gave out before:
  // the caller must hold it until nobody else does, so that no serving loop ever has to free a model.
  [[nodiscard]] std::shared_ptr<const ServedModels> Publish(const std::string& name, ModelVersions versions);

  // Serves nothing of it any more.
  [[nodiscard]] std::shared_ptr<const ServedModels> Withdraw(const std::string& name);

  // How a model under the model root is, and that there is none of that name any more.
  void SetStatus(ModelStatus status);
  void Forget(const std::string& name);

  // Every model, by name.
  std::vector<ModelStatus> Statuses() const;

 private:
  std::shared_ptr<const ServedModels> Exchange(const std::function<void(ServedModels*)>& change);

  // Every batch takes it, and those who write run at low priority: so it is held for the copy of a pointer
  // only.
  mutable std::mutex pin_mutex_;
  std::shared_ptr<const ServedModels> models_ =
      std::make_shared<const ServedModels>();  // guarded by pin_mutex_

  mutable std::mutex mutex_;                     // one writer at a time; before pin_mutex_
  std::map<std::string, ModelStatus> statuses_;  // guarded by mutex_
};

}  // namespace adscore::server

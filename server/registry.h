// What this server holds: the models that serve, and the versions that it would not serve. The watcher writes
// it, the serving loops pin the models once per batch.
//
// Thread-safe. ServedModel and ServedModels are constant once they are published.
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
#include "server/metrics/server_metrics.h"

namespace adscore::server {

struct ServedModel {
  std::string name;
  int64_t version = 0;
  std::chrono::system_clock::time_point serving_since;
  std::unique_ptr<const model::Model> model;
  const ModelMetrics* metrics = nullptr;
  std::vector<const HeadMetrics*> head_metrics;  // one per head, in order
};

// By name.
using ServedModels = std::map<std::string, std::shared_ptr<const ServedModel>, std::less<>>;

struct RefusedVersion {
  int64_t version = 0;
  std::string reason;  // one line: what is wrong and what to do
  std::chrono::system_clock::time_point refused_at;
};

// A model under the model root, whether it serves or not.
struct ModelStatus {
  std::string name;
  int64_t serving_version = 0;                          // 0 if none serves
  std::chrono::system_clock::time_point serving_since;  // if one does
  std::vector<RefusedVersion> refused;                  // newest first
};

class Registry {
 public:
  // The models that serve. A batch holds on to the result, so that they outlive a swap; never null.
  std::shared_ptr<const ServedModels> Pin() const;

  // Serves `served` in place of an older version of it. Returns what Pin() gave out before: the caller must
  // hold it until nobody else does, so that no serving loop ever has to free a model.
  [[nodiscard]] std::shared_ptr<const ServedModels> Publish(std::shared_ptr<const ServedModel> served);

  // What the model root holds beside the models that serve: every model's name, with its refused versions.
  void SetRefused(std::map<std::string, std::vector<RefusedVersion>> refused);

  // Every model, by name.
  std::vector<ModelStatus> Statuses() const;

 private:
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::shared_ptr<const ServedModels> models_ = std::make_shared<const ServedModels>();
  std::map<std::string, std::vector<RefusedVersion>> refused_;
};

}  // namespace adscore::server

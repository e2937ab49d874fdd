// The lives of all models under one model root.
//
// Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/snapshots/model_life.h"

namespace adscore::server {

class ModelLives {
 public:
  explicit ModelLives(const LifeParts& parts) : parts_(parts) {}

  // Looks at the model root and begins a life for each new model in it. A life never ends: what serves goes
  // on serving, whatever becomes of the model root. Returns all of them.
  std::vector<ModelLife*> Find();

  // Null if there has never been a model of that name.
  ModelLife* Of(const std::string& name);

  // Of all lives, and those to come; see ModelLife.
  void SetPolicy(const LifePolicy& policy);

  const std::string& model_root() const { return parts_.model_root; }

 private:
  std::mutex mutex_;
  // Guarded by mutex_; the lives themselves are thread-safe, and the model root never changes.
  LifeParts parts_;
  std::map<std::string, std::unique_ptr<ModelLife>> lives_;
  std::string root_error_;  // of the last look: each is logged once
};

}  // namespace adscore::server

#include "server/snapshots/model_lives.h"

#include "model/model_root.h"
#include "spdlog/spdlog.h"

namespace adscore::server {

std::vector<ModelLife*> ModelLives::Find() {
  const auto names = model::ListModels(parts_.model_root);
  const std::lock_guard lock(mutex_);
  if (names.ok()) {
    root_error_.clear();
    for (const std::string& name : *names) {
      std::unique_ptr<ModelLife>& life = lives_[name];
      if (life == nullptr) life = std::make_unique<ModelLife>(name, parts_);
    }
  } else if (root_error_ != names.status().message()) {
    root_error_ = std::string(names.status().message());
    spdlog::error("--model-root {}: {}; what serves goes on serving", parts_.model_root, root_error_);
  }
  std::vector<ModelLife*> lives;
  for (const auto& [name, life] : lives_) lives.push_back(life.get());
  return lives;
}

void ModelLives::SetPolicy(const LifePolicy& policy) {
  const std::lock_guard lock(mutex_);
  parts_.policy = policy;
  for (const auto& [name, life] : lives_) life->SetPolicy(policy);
}

ModelLife* ModelLives::Of(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto life = lives_.find(name);
  return life == lives_.end() ? nullptr : life->second.get();
}

}  // namespace adscore::server

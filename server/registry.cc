#include "server/registry.h"

#include <utility>

namespace adscore::server {

std::shared_ptr<const ServedModels> Registry::Pin() const {
  const std::lock_guard lock(mutex_);
  return models_;
}

std::shared_ptr<const ServedModels> Registry::Publish(std::shared_ptr<const ServedModel> served) {
  const std::lock_guard lock(mutex_);
  auto next = std::make_shared<ServedModels>(*models_);
  (*next)[served->name] = std::move(served);
  return std::exchange(models_, std::move(next));
}

void Registry::SetRefused(std::map<std::string, std::vector<RefusedVersion>> refused) {
  const std::lock_guard lock(mutex_);
  refused_ = std::move(refused);
}

std::vector<ModelStatus> Registry::Statuses() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, ModelStatus> statuses;
  for (const auto& [name, served] : *models_) {
    statuses[name].serving_version = served->version;
    statuses[name].serving_since = served->serving_since;
  }
  for (const auto& [name, refused] : refused_) statuses[name].refused = refused;
  std::vector<ModelStatus> result;
  for (auto& [name, status] : statuses) {
    status.name = name;
    result.push_back(std::move(status));
  }
  return result;
}

}  // namespace adscore::server

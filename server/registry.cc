#include "server/registry.h"

#include <algorithm>
#include <utility>

namespace adscore::server {

void ResolveMetrics(ServerMetrics* metrics, uint64_t snapshot_bytes, ServedModel* served) {
  const model::Snapshot& snapshot = served->model->snapshot();
  std::vector<std::string> heads;
  for (const model::Head& head : snapshot.heads) heads.push_back(head.name);
  served->metrics = metrics->ForModel(served->name);
  served->version_metrics = metrics->ForVersion(served->name, served->version, heads, snapshot_bytes);
  served->feature_metrics.clear();
  for (const model::Feature& feature : snapshot.schema.features) {
    if (served->feature_metrics.size() == kCountedFeatures) break;
    served->feature_metrics.push_back(
        metrics->ForFeature(served->name, feature.name, feature.kind != model::FeatureKind::kNumeric));
  }
}

std::vector<int64_t> VersionsInMemory(const ModelVersions& versions) {
  std::vector<int64_t> numbers = {versions.stable->version};
  if (versions.canary != nullptr) numbers.push_back(versions.canary->version);
  for (const auto& other : versions.others) numbers.push_back(other->version);
  std::sort(numbers.rbegin(), numbers.rend());
  return numbers;
}

bool ScoreTheSameRequests(const ServedModel& a, const ServedModel& b) {
  const std::vector<model::Head>& heads = a.model->snapshot().heads;
  const std::vector<model::Head>& others = b.model->snapshot().heads;
  return a.model->fingerprint() == b.model->fingerprint() &&
         std::equal(heads.begin(), heads.end(), others.begin(), others.end(),
                    [](const model::Head& x, const model::Head& y) { return x.name == y.name; });
}

std::shared_ptr<const ServedModels> Registry::Pin() const {
  const std::lock_guard lock(pin_mutex_);
  return models_;
}

std::shared_ptr<const ServedModels> Registry::Exchange(const std::function<void(ServedModels*)>& change) {
  const std::lock_guard one_writer(mutex_);
  auto next = std::make_shared<ServedModels>(*Pin());
  change(next.get());
  const std::lock_guard lock(pin_mutex_);
  return std::exchange(models_, std::move(next));
}

std::shared_ptr<const ServedModels> Registry::Publish(const std::string& name, ModelVersions versions) {
  return Exchange([&](ServedModels* models) { (*models)[name] = std::move(versions); });
}

std::shared_ptr<const ServedModels> Registry::Withdraw(const std::string& name) {
  return Exchange([&](ServedModels* models) { models->erase(name); });
}

void Registry::SetStatus(ModelStatus status) {
  const std::lock_guard lock(mutex_);
  statuses_[status.name] = std::move(status);
}

void Registry::Forget(const std::string& name) {
  const std::lock_guard lock(mutex_);
  statuses_.erase(name);
}

std::vector<ModelStatus> Registry::Statuses() const {
  const std::lock_guard lock(mutex_);
  std::vector<ModelStatus> result;
  for (const auto& [name, status] : statuses_) result.push_back(status);
  return result;
}

}  // namespace adscore::server

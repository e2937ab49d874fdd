#include "server/metrics/server_metrics.h"

namespace adscore::server {

ServerMetrics::ServerMetrics(size_t loops, std::function<LiveState()> live)
    : loop_count_(loops), live_(std::move(live)), loops_(loops), no_version_(loops, {}, 0) {}

const ModelMetrics* ServerMetrics::ForModel(std::string_view model) {
  const std::lock_guard lock(mutex_);
  auto& metrics = models_[std::string(model)];
  if (metrics == nullptr) metrics = std::make_unique<ModelMetrics>(loop_count_);
  return metrics.get();
}

std::shared_ptr<const VersionMetrics> ServerMetrics::ForVersion(std::string_view model, int64_t version,
                                                                const std::vector<std::string>& heads,
                                                                uint64_t snapshot_bytes) {
  const std::lock_guard lock(mutex_);
  return versions_.Get(
      {std::string(model), version},
      [&](const VersionMetrics& present) {
        return present.heads == heads && present.snapshot_bytes == snapshot_bytes;
      },
      [&] { return std::make_unique<VersionMetrics>(loop_count_, heads, snapshot_bytes); });
}

std::shared_ptr<const FeatureMetrics> ServerMetrics::ForFeature(std::string_view model,
                                                                std::string_view feature,
                                                                bool has_vocabulary) {
  const std::lock_guard lock(mutex_);
  return features_.Get(
      Key(model, feature),
      [&](const FeatureMetrics& present) { return present.has_vocabulary == has_vocabulary; },
      [&] { return std::make_unique<FeatureMetrics>(loop_count_, has_vocabulary); });
}

void ServerMetrics::CountSwap(std::string_view model, std::string_view outcome, std::string_view reason) {
  const std::lock_guard lock(mutex_);
  ++swaps_[{std::string(model), std::string(outcome), std::string(reason)}];
}

HistogramCell* ServerMetrics::ForShadow(std::string_view model, std::string_view head) {
  const std::lock_guard lock(mutex_);
  auto& cell = shadows_[Key(model, head)];
  if (cell == nullptr) cell = std::make_unique<HistogramCell>(DifferenceBounds());
  return cell.get();
}

void ServerMetrics::CountOperatorCall(std::string_view method, size_t code, double seconds) {
  const std::lock_guard lock(mutex_);
  OperatorCalls& calls = operator_calls_[std::string(method)];
  ++calls.requests[code];
  calls.duration.Observe(seconds);
}

void ServerMetrics::ObserveLoad(std::string_view model, double seconds) {
  const std::lock_guard lock(mutex_);
  auto& load = loads_[std::string(model)];
  if (load == nullptr) load = std::make_unique<HistogramCell>(LoadBounds());
  load->Observe(seconds);
}

void ServerMetrics::SetServingVersion(std::string_view model, int64_t version, int64_t created_at) {
  const std::lock_guard lock(mutex_);
  serving_[std::string(model)] = {version, created_at};
}

void ServerMetrics::SetNewestVersion(std::string_view model, int64_t version) {
  const std::lock_guard lock(mutex_);
  newest_[std::string(model)] = version;
}

}  // namespace adscore::server

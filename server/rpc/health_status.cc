#include "server/rpc/health_status.h"

#include <algorithm>
#include <span>
#include <vector>

namespace adscore::server {
namespace {

using grpc::health::v1::HealthCheckResponse;

constexpr std::string_view kScoring[] = {"adscore.v1.PredictionService", "inference.GRPCInferenceService",
                                         "tensorflow.serving.PredictionService"};
constexpr std::string_view kAlways[] = {"adscore.v1.ModelService", "tensorflow.serving.ModelService"};

bool IsAmong(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool IsUnderTheModelRoot(std::string_view name, const Registry& registry) {
  const std::vector<ModelStatus> statuses = registry.Statuses();
  return std::any_of(statuses.begin(), statuses.end(),
                     [&](const ModelStatus& status) { return status.name == name; });
}

}  // namespace

HealthCheckResponse::ServingStatus HealthOf(std::string_view name, const Registry& registry, bool leaving) {
  const auto models = registry.Pin();
  bool serves = false;
  if (name.empty() || IsAmong(kScoring, name)) {
    serves = !models->empty();
  } else if (IsAmong(kAlways, name) || models->contains(name)) {
    serves = true;
  } else if (!IsUnderTheModelRoot(name, registry)) {
    return HealthCheckResponse::SERVICE_UNKNOWN;
  }
  return serves && !leaving ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
}

}  // namespace adscore::server

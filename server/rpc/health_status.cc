#include "server/rpc/health_status.h"

#include <algorithm>
#include <vector>

namespace adscore::server {
namespace {

using grpc::health::v1::HealthCheckResponse;

bool IsUnderTheModelRoot(std::string_view name, const Registry& registry) {
  const std::vector<ModelStatus> statuses = registry.Statuses();
  return std::any_of(statuses.begin(), statuses.end(),
                     [&](const ModelStatus& status) { return status.name == name; });
}

}  // namespace

HealthCheckResponse::ServingStatus HealthOf(std::string_view name, const Registry& registry, bool leaving) {
  const auto models = registry.Pin();
  bool serves = false;
  if (name.empty() || name == "adscore.v1.PredictionService") {
    serves = !models->empty();
  } else if (name == "adscore.v1.ModelService" || models->contains(name)) {
    serves = true;
  } else if (!IsUnderTheModelRoot(name, registry)) {
    return HealthCheckResponse::SERVICE_UNKNOWN;
  }
  return serves && !leaving ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
}

}  // namespace adscore::server

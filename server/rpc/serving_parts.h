// What everything that answers shares.
//
// Thread-safe: pointers, whose targets are.
#pragma once

#include "server/answered_requests.h"
#include "server/clock.h"
#include "server/metrics/server_metrics.h"
#include "server/registry.h"
#include "server/serving/admission.h"

namespace adscore::server {

// All of it outlives the loops and the services.
struct ServingParts {
  Admission* admission = nullptr;
  const Registry* registry = nullptr;
  ServerMetrics* metrics = nullptr;
  const Clock* clock = nullptr;
  AnsweredRequests* answered = nullptr;  // null: no request log
};

}  // namespace adscore::server

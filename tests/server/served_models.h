// Models to serve in tests, without a file.
//
// Thread-safe: functions.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/raw_columns.h"
#include "model/snapshot.h"
#include "server/metrics/server_metrics.h"
#include "server/registry.h"

namespace adscore::server {

// `snapshot` must outlive the result.
std::shared_ptr<const ServedModel> MakeServed(const model::Snapshot& snapshot, const std::string& name,
                                              int64_t version, ServerMetrics* metrics);

// What the naive forward pass makes of one impression: [rows][heads].
std::vector<float> ReferenceOf(const model::Snapshot& snapshot, const model::Impression& impression);

}  // namespace adscore::server

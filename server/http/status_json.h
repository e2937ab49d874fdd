// What the status page draws: how the server and its models are, and everything that is counted, as one JSON
// object.
//
// Thread-safe: a function over thread-safe values.
#pragma once

#include <optional>
#include <string>

#include "prometheus/collectable.h"
#include "server/registry.h"

namespace adscore::server {

// {"time": Unix seconds, "not_ready": null or why,
//  "models": [{"name", "serving_version" (0: none), "serving_since" (Unix seconds), "pinned" (0: none),
//              "canary_share", "problem", "versions": [{"version", "states": ["serving", "canary", "shadow",
//              "kept", "refused", "pinned"], "reason", "refused_at"}, newest first],
//              "shadow": [{"head", "rows", "stable_mean", "shadow_mean", "mean_difference"}]}],
//  "metrics": {NAME: {"bounds": [...] (histograms), "series": [{"labels": {...}, "value": ...} or
//              {"labels": {...}, "counts": [one per bucket, not cumulative; the last one above all bounds],
//              "sum": ...}]}}}
// Counters count from the server's start: who wants a rate takes two of these.
std::string StatusJson(const prometheus::Collectable& metrics, const Registry& registry,
                       const std::optional<std::string>& not_ready);

}  // namespace adscore::server

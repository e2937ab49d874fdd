#include "server/http/status_json.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

namespace adscore::server {
namespace {

using Json = nlohmann::json;

double UnixSeconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

Json VersionsToJson(const ModelStatus& status) {
  std::map<int64_t, Json, std::greater<>> versions;
  const auto at = [&](int64_t version) -> Json& {
    Json& entry = versions[version];
    if (entry.is_null()) entry = {{"version", version}, {"states", Json::array()}};
    return entry;
  };
  for (const int64_t version : status.loaded) {
    const char* part = "kept";
    if (version == status.serving_version) {
      part = "serving";
    } else if (version == status.rollout.canary) {
      part = "canary";
    } else if (version == status.rollout.shadow) {
      part = "shadow";
    }
    at(version)["states"].push_back(part);
  }
  // What serves may be gone from the model root, and then is loaded all the same.
  if (status.serving_version != 0 && at(status.serving_version)["states"].empty()) {
    at(status.serving_version)["states"].push_back("serving");
  }
  for (const RefusedVersion& refused : status.refused) {
    Json& entry = at(refused.version);
    entry["states"].push_back("refused");
    entry["reason"] = refused.reason;
    entry["refused_at"] = UnixSeconds(refused.refused_at);
  }
  if (status.rollout.pinned != 0) at(status.rollout.pinned)["states"].push_back("pinned");
  Json list = Json::array();
  for (auto& [version, entry] : versions) list.push_back(std::move(entry));
  return list;
}

Json ModelToJson(const ModelStatus& status) {
  Json shadow = Json::array();
  for (const ShadowDifference& difference : status.shadow) {
    const double rows = static_cast<double>(std::max<int64_t>(difference.rows, 1));
    shadow.push_back({{"head", difference.head},
                      {"rows", difference.rows},
                      {"stable_mean", difference.stable_sum / rows},
                      {"shadow_mean", difference.shadow_sum / rows},
                      {"mean_difference", difference.absolute_sum / rows}});
  }
  return {{"name", status.name},
          {"serving_version", status.serving_version},
          {"serving_since", UnixSeconds(status.serving_since)},
          {"pinned", status.rollout.pinned},
          {"canary_share", status.rollout.canary_share},
          {"problem", status.problem},
          {"versions", VersionsToJson(status)},
          {"shadow", std::move(shadow)}};
}

Json SeriesToJson(const prometheus::ClientMetric& metric, prometheus::MetricType type) {
  Json labels = Json::object();
  for (const auto& label : metric.label) labels[label.name] = label.value;
  Json series = {{"labels", std::move(labels)}};
  if (type == prometheus::MetricType::Histogram) {
    Json counts = Json::array();
    uint64_t below = 0;
    for (const auto& bucket : metric.histogram.bucket) {
      counts.push_back(bucket.cumulative_count - below);
      below = bucket.cumulative_count;
    }
    series["counts"] = std::move(counts);
    series["sum"] = metric.histogram.sample_sum;
  } else {
    series["value"] = type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value;
  }
  return series;
}

Json FamilyToJson(const prometheus::MetricFamily& family) {
  Json series = Json::array();
  for (const auto& metric : family.metric) series.push_back(SeriesToJson(metric, family.type));
  Json json = {{"series", std::move(series)}};
  if (family.type == prometheus::MetricType::Histogram && !family.metric.empty()) {
    Json bounds = Json::array();
    const auto& buckets = family.metric.front().histogram.bucket;
    for (size_t b = 0; b + 1 < buckets.size(); ++b) bounds.push_back(buckets[b].upper_bound);
    json["bounds"] = std::move(bounds);
  }
  return json;
}

}  // namespace

std::string StatusJson(const prometheus::Collectable& metrics, const Registry& registry,
                       const std::optional<std::string>& not_ready) {
  Json status = {{"time", UnixSeconds(std::chrono::system_clock::now())},
                 {"not_ready", not_ready.has_value() ? Json(*not_ready) : Json()},
                 {"models", Json::array()},
                 {"metrics", Json::object()}};
  for (const ModelStatus& model : registry.Statuses()) status["models"].push_back(ModelToJson(model));
  for (const auto& family : metrics.Collect()) status["metrics"][family.name] = FamilyToJson(family);
  // Names of directories and features may be no UTF-8; what is not shows as U+FFFD.
  return status.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

}  // namespace adscore::server

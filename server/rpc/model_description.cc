#include "server/rpc/model_description.h"

#include <chrono>
#include <string>
#include <vector>

#include "model/schema.h"

namespace adscore::server {
namespace {

v1::Feature::Kind KindOf(model::FeatureKind kind) {
  switch (kind) {
    case model::FeatureKind::kNumeric:
      return v1::Feature::KIND_NUMERIC;
    case model::FeatureKind::kCategorical:
      return v1::Feature::KIND_CATEGORICAL;
    case model::FeatureKind::kMultiCategorical:
      return v1::Feature::KIND_MULTI_CATEGORICAL;
  }
  return v1::Feature::KIND_UNSPECIFIED;
}

v1::Feature::Role RoleOf(model::FeatureRole role) {
  return role == model::FeatureRole::kContext ? v1::Feature::ROLE_CONTEXT : v1::Feature::ROLE_CANDIDATE;
}

void SetTime(std::chrono::system_clock::time_point time, google::protobuf::Timestamp* stamp) {
  const auto since_epoch = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  stamp->set_seconds(seconds.count());
  stamp->set_nanos(static_cast<int32_t>(std::chrono::nanoseconds(since_epoch - seconds).count()));
}

}  // namespace

void DescribeModel(const ServedModel& served, const ModelVersions& versions, v1::GetModelResponse* response) {
  const model::Snapshot& snapshot = served.model->snapshot();
  response->set_model(served.name);
  response->set_version(served.version);
  response->set_schema_fingerprint(served.model->fingerprint());
  for (const model::Feature& feature : snapshot.schema.features) {
    v1::Feature* described = response->add_features();
    described->set_name(feature.name);
    described->set_kind(KindOf(feature.kind));
    described->set_role(RoleOf(feature.role));
    if (feature.kind == model::FeatureKind::kMultiCategorical) {
      described->set_delimiter(std::string(1, feature.delimiter));
    }
    described->set_column(feature.column);
    if (feature.part != model::DatePart::kNone) described->set_part(model::ToString(feature.part));
  }
  for (const model::Head& head : snapshot.heads) {
    v1::Head* described = response->add_heads();
    described->set_name(head.name);
    described->set_base_rate(head.base_rate);
    if (head.after) described->set_after(snapshot.heads[*head.after].name);
  }
  const std::vector<int64_t> in_memory = VersionsInMemory(versions);
  response->mutable_serving_versions()->Add(in_memory.begin(), in_memory.end());
}

void DescribeStatus(const ModelStatus& status, v1::ModelStatus* described) {
  described->set_model(status.name);
  described->set_serving_version(status.serving_version);
  if (status.serving_version != 0) SetTime(status.serving_since, described->mutable_serving_since());
  for (const RefusedVersion& refused : status.refused) {
    v1::RefusedVersion* version = described->add_refused();
    version->set_version(refused.version);
    version->set_reason(refused.reason);
    SetTime(refused.refused_at, version->mutable_refused_at());
  }
  described->set_pinned_version(status.rollout.pinned);
  described->set_canary_version(status.rollout.canary);
  described->set_canary_share(status.rollout.canary_share);
  described->set_shadow_version(status.rollout.shadow);
  described->mutable_loaded_versions()->Add(status.loaded.begin(), status.loaded.end());
  for (const ShadowDifference& difference : status.shadow) {
    v1::ShadowDifference* head = described->add_shadow();
    const double rows = std::max<double>(1, static_cast<double>(difference.rows));
    head->set_head(difference.head);
    head->set_rows(difference.rows);
    head->set_stable_mean(difference.stable_sum / rows);
    head->set_shadow_mean(difference.shadow_sum / rows);
    head->set_mean_absolute_difference(difference.absolute_sum / rows);
  }
  described->set_problem(status.problem);
}

}  // namespace adscore::server

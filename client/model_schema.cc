#include "client/model_schema.h"

#include "absl/strings/str_cat.h"

namespace adscore::client {

absl::StatusOr<ModelSchema> ModelSchema::FromModel(const v1::GetModelResponse& model) {
  ModelSchema schema;
  schema.model_ = model.model();
  schema.version_ = model.version();
  schema.fingerprint_ = model.schema_fingerprint();
  for (const v1::Head& head : model.heads()) schema.heads_.push_back(head.name());
  for (const v1::Feature& described : model.features()) {
    Feature feature;
    feature.name = described.name();
    feature.kind = described.kind();
    feature.role = described.role();
    if (feature.role != v1::Feature::ROLE_CONTEXT && feature.role != v1::Feature::ROLE_CANDIDATE) {
      return absl::UnimplementedError(
          absl::StrCat("feature '", feature.name, "' of model '", model.model(),
                       "' has a role that this client does not know; upgrade the client"));
    }
    feature.column = described.column().empty() ? described.name() : described.column();
    if (described.part() == "hour") {
      feature.part = data::DatePart::kHour;
    } else if (described.part() == "weekday") {
      feature.part = data::DatePart::kWeekday;
    } else if (!described.part().empty()) {
      return absl::UnimplementedError(
          absl::StrCat("feature '", feature.name, "' of model '", model.model(), "' is the '",
                       described.part(), "' of a time, which this client does not know; upgrade the client"));
    }
    RoleCounts& counts = feature.role == v1::Feature::ROLE_CONTEXT ? schema.context_ : schema.candidate_;
    switch (feature.kind) {
      case v1::Feature::KIND_NUMERIC:
        feature.slot = counts.numeric++;
        break;
      case v1::Feature::KIND_CATEGORICAL:
        feature.slot = counts.categorical++;
        break;
      case v1::Feature::KIND_MULTI_CATEGORICAL:
        if (described.delimiter().size() != 1) {
          return absl::InternalError(absl::StrCat("feature '", feature.name, "' of model '", model.model(),
                                                  "' has the delimiter '", described.delimiter(),
                                                  "'; it must be one character"));
        }
        feature.delimiter = described.delimiter()[0];
        feature.slot = counts.multi++;
        break;
      default:
        return absl::UnimplementedError(
            absl::StrCat("feature '", feature.name, "' of model '", model.model(),
                         "' has a kind that this client does not know; upgrade the client"));
    }
    if (!schema.position_.emplace(feature.name, schema.features_.size()).second) {
      return absl::InternalError(
          absl::StrCat("model '", model.model(), "' has two features with the name '", feature.name, "'"));
    }
    schema.features_.push_back(std::move(feature));
  }
  return schema;
}

const Feature* ModelSchema::Find(std::string_view name) const {
  const auto found = position_.find(std::string(name));
  return found == position_.end() ? nullptr : &features_[found->second];
}

}  // namespace adscore::client

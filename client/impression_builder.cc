#include "client/impression_builder.h"

#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "data/cell.h"

namespace adscore::client {
namespace {

constexpr float kMissingNumber = std::numeric_limits<float>::quiet_NaN();

const char* RoleName(v1::Feature::Role role) {
  return role == v1::Feature::ROLE_CONTEXT ? "context" : "candidate";
}

std::string FeatureNames(const ModelSchema& schema, v1::Feature::Role role) {
  std::vector<std::string> names;
  for (const Feature& feature : schema.features()) {
    if (feature.role == role) names.push_back(feature.name);
  }
  return names.empty() ? "none" : absl::StrJoin(names, ", ");
}

// Pieces as they are, empty ones dropped: what the trainer reads from the same cell.
void SplitTokens(std::string_view cell, char delimiter, std::vector<uint64_t>* tokens) {
  tokens->clear();
  while (!cell.empty()) {
    const size_t end = cell.find(delimiter);
    const std::string_view piece = cell.substr(0, end);
    if (!piece.empty()) tokens->push_back(data::TokenHash(piece));
    if (end == std::string_view::npos) break;
    cell.remove_prefix(end + 1);
  }
}

}  // namespace

ImpressionBuilder::ImpressionBuilder(const ModelSchema& schema) : schema_(schema) { Reset(1); }

void ImpressionBuilder::Reset(size_t candidates) {
  candidates_ = candidates;
  status_ = absl::OkStatus();
  key_.clear();
  for (const v1::Feature::Role role : {v1::Feature::ROLE_CONTEXT, v1::Feature::ROLE_CANDIDATE}) {
    const RoleCounts& counts = schema_.counts(role);
    Columns& cells = columns(role);
    cells.numeric.assign(counts.numeric * rows(role), kMissingNumber);
    cells.categorical.assign(counts.categorical * rows(role), data::kMissingToken);
    cells.multi.resize(counts.multi * rows(role));
    for (std::vector<uint64_t>& tokens : cells.multi) tokens.clear();
  }
}

const Feature* ImpressionBuilder::Find(std::string_view name, v1::Feature::Role role, size_t row) {
  if (!status_.ok()) return nullptr;
  const Feature* feature = schema_.Find(name);
  if (feature == nullptr) {
    status_ = absl::InvalidArgumentError(absl::StrCat("model '", schema_.model(), "' has no feature '",
                                                      std::string(name), "'; its ", RoleName(role),
                                                      " features are: ", FeatureNames(schema_, role)));
  } else if (feature->role != role) {
    status_ = absl::InvalidArgumentError(absl::StrCat("feature '", std::string(name), "' of model '",
                                                      schema_.model(), "' is a ", RoleName(feature->role),
                                                      " feature, not a ", RoleName(role), " feature"));
  } else if (row >= rows(role)) {
    status_ =
        absl::InvalidArgumentError(absl::StrCat("feature '", std::string(name), "' is set for candidate ",
                                                row, " of an impression with ", candidates_, " candidates"));
  }
  return status_.ok() ? feature : nullptr;
}

void ImpressionBuilder::SetContext(std::string_view feature, std::string_view cell) {
  const Feature* found = Find(feature, v1::Feature::ROLE_CONTEXT, 0);
  if (found != nullptr) Set(*found, 0, cell);
}

void ImpressionBuilder::SetCandidate(std::string_view feature, size_t candidate, std::string_view cell) {
  const Feature* found = Find(feature, v1::Feature::ROLE_CANDIDATE, candidate);
  if (found != nullptr) Set(*found, candidate, cell);
}

void ImpressionBuilder::SetContext(std::string_view feature, double number) {
  SetNumber(Find(feature, v1::Feature::ROLE_CONTEXT, 0), 0, number);
}

void ImpressionBuilder::SetCandidate(std::string_view feature, size_t candidate, double number) {
  SetNumber(Find(feature, v1::Feature::ROLE_CANDIDATE, candidate), candidate, number);
}

void ImpressionBuilder::SetNumber(const Feature* feature, size_t row, double number) {
  if (feature == nullptr) return;
  if (feature->kind != v1::Feature::KIND_NUMERIC) {
    status_ = absl::InvalidArgumentError(absl::StrCat(
        "feature '", feature->name, "' is categorical: give its token as text, not as a number"));
    return;
  }
  const auto value = static_cast<float>(number);
  columns(feature->role).numeric[feature->slot * rows(feature->role) + row] =
      std::isfinite(value) ? value : kMissingNumber;
}

void ImpressionBuilder::Set(const Feature& feature, size_t row, std::string_view cell) {
  Columns& cells = columns(feature.role);
  const size_t at = feature.slot * rows(feature.role) + row;
  switch (feature.kind) {
    case v1::Feature::KIND_NUMERIC:
      cells.numeric[at] = data::ParseNumber(cell).value_or(kMissingNumber);
      break;
    case v1::Feature::KIND_CATEGORICAL:
      cells.categorical[at] = data::TokenHash(cell);
      break;
    default:
      SplitTokens(cell, feature.delimiter, &cells.multi[at]);
      break;
  }
}

absl::Status ImpressionBuilder::Build(v1::PredictRequest* request) const {
  if (!status_.ok()) return status_;
  if (candidates_ == 0) return absl::InvalidArgumentError("an impression needs at least one candidate");
  request->set_candidate_count(static_cast<uint32_t>(candidates_));
  request->set_key(key_);
  v1::PackedFeatures* packed = request->mutable_packed();
  packed->Clear();
  packed->set_schema_fingerprint(schema_.fingerprint());
  const auto fill = [](const Columns& cells, v1::PackedColumns* out) {
    out->mutable_numeric()->Assign(cells.numeric.begin(), cells.numeric.end());
    out->mutable_categorical()->Assign(cells.categorical.begin(), cells.categorical.end());
    for (const std::vector<uint64_t>& tokens : cells.multi) {
      out->add_multi_count(static_cast<uint32_t>(tokens.size()));
      out->mutable_multi()->Add(tokens.begin(), tokens.end());
    }
  };
  if (!schema_.counts(v1::Feature::ROLE_CONTEXT).empty()) fill(context_, packed->mutable_context());
  if (!schema_.counts(v1::Feature::ROLE_CANDIDATE).empty())
    fill(per_candidate_, packed->mutable_candidates());
  return absl::OkStatus();
}

}  // namespace adscore::client

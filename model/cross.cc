#include "model/cross.h"

#include <algorithm>
#include <bit>

#include "absl/strings/str_cat.h"
#define XXH_INLINE_ALL  // for every row of a request
#include "xxhash.h"

namespace adscore::model {

static_assert(std::endian::native == std::endian::little, "ProductToken hashes bytes as they lie");

uint64_t ProductToken(uint64_t first, uint64_t second) {
  if (first == 0 || second == 0) return 0;
  const uint64_t values[2] = {first, second};
  return std::max<uint64_t>(1, XXH3_64bits(values, sizeof(values)));
}

void CrossTokens(CrossKind kind, bool list, std::span<const uint64_t> first, std::span<const uint64_t> second,
                 std::vector<uint64_t>* tokens) {
  tokens->clear();
  first = first.first(std::min(first.size(), kMostCrossedValues));
  second = second.first(std::min(second.size(), kMostCrossedValues));
  if (kind == CrossKind::kMatch) {
    const auto missing = [](std::span<const uint64_t> values) {
      return values.empty() || (values.size() == 1 && values[0] == 0);
    };
    const bool found = std::any_of(first.begin(), first.end(), [second](uint64_t value) {
      return value != 0 && std::find(second.begin(), second.end(), value) != second.end();
    });
    tokens->push_back(missing(first) || missing(second) ? 0 : found ? kMatchToken : kNoMatchToken);
    return;
  }
  for (const uint64_t a : first) {
    for (const uint64_t b : second) {
      const uint64_t token = ProductToken(a, b);
      if (token != 0 || !list) tokens->push_back(token);
    }
  }
}

Feature FeatureOf(const Schema& schema, const Cross& cross) {
  const Feature& first = schema.features[cross.first];
  const Feature& second = schema.features[cross.second];
  Feature feature;
  feature.name = absl::StrCat(cross.kind == CrossKind::kMatch ? "match" : "cross", "(", first.name, ",",
                              second.name, ")");
  const bool list =
      first.kind == FeatureKind::kMultiCategorical || second.kind == FeatureKind::kMultiCategorical;
  feature.kind =
      list && cross.kind == CrossKind::kProduct ? FeatureKind::kMultiCategorical : FeatureKind::kCategorical;
  const bool context = first.role == FeatureRole::kContext && second.role == FeatureRole::kContext;
  feature.role = context ? FeatureRole::kContext : FeatureRole::kCandidate;
  return feature;
}

std::vector<Feature> EncodedFeatures(const Schema& schema) {
  std::vector<Feature> features = schema.features;
  for (const Cross& cross : schema.crosses) features.push_back(FeatureOf(schema, cross));
  return features;
}

absl::Status CheckCross(const Schema& schema, const Cross& cross) {
  if (cross.first >= schema.features.size() || cross.second >= schema.features.size()) {
    return absl::InvalidArgumentError("a cross of a feature that is not there");
  }
  const Feature& first = schema.features[cross.first];
  const Feature& second = schema.features[cross.second];
  const auto refuse = [&](const char* why) {
    return absl::InvalidArgumentError(absl::StrCat(FeatureOf(schema, cross).name, " can't be: ", why));
  };
  if (cross.first == cross.second) return refuse("a cross takes two different features");
  const auto both = [&](FeatureKind kind) { return first.kind == kind && second.kind == kind; };
  if (cross.kind == CrossKind::kProduct && both(FeatureKind::kMultiCategorical)) {
    return refuse("both are lists, and a row would have all pairs of their values; match them instead");
  }
  if (cross.kind == CrossKind::kMatch &&
      (first.kind == FeatureKind::kNumeric || second.kind == FeatureKind::kNumeric)) {
    return refuse("a match compares values of categorical or multi-valued features, and one is a number");
  }
  return absl::OkStatus();
}

absl::Status CheckCrosses(const Schema& schema) {
  if (schema.crosses.size() > kMostCrosses) {
    return absl::InvalidArgumentError(
        absl::StrCat(schema.crosses.size(), " crosses; a schema may have ", kMostCrosses));
  }
  for (size_t i = 0; i < schema.crosses.size(); ++i) {
    absl::Status status = CheckCross(schema, schema.crosses[i]);
    if (!status.ok()) return status;
    const auto here = schema.crosses.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find(schema.crosses.begin(), here, *here) != here) {
      return absl::InvalidArgumentError(absl::StrCat(FeatureOf(schema, *here).name, " appears twice"));
    }
  }
  return absl::OkStatus();
}

}  // namespace adscore::model

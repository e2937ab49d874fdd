#include "model/schema.h"

#include <array>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/cross.h"
#include "model/words.h"
#include "nlohmann/json.hpp"
#define XXH_INLINE_ALL  // the streaming state on the stack
#include "xxhash.h"

namespace adscore::model {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::pair<FeatureKind, const char*>, 3> kKinds = {{
    {FeatureKind::kNumeric, "numeric"},
    {FeatureKind::kCategorical, "categorical"},
    {FeatureKind::kMultiCategorical, "multi_categorical"},
}};
constexpr std::array<std::pair<FeatureRole, const char*>, 2> kRoles = {{
    {FeatureRole::kContext, "context"},
    {FeatureRole::kCandidate, "candidate"},
}};
constexpr std::array<std::pair<NumericTransform, const char*>, 2> kTransforms = {{
    {NumericTransform::kIdentity, "identity"},
    {NumericTransform::kSignedLog1p, "signed_log1p"},
}};
constexpr std::array<std::pair<MissingRule, const char*>, 3> kMissingRules = {{
    {MissingRule::kMean, "mean"},
    {MissingRule::kZero, "zero"},
    {MissingRule::kRefuse, "refuse"},
}};

constexpr std::array<std::pair<DatePart, const char*>, 3> kParts = {{
    {DatePart::kNone, "none"},
    {DatePart::kHour, "hour"},
    {DatePart::kWeekday, "weekday"},
}};

constexpr std::array<std::pair<CrossKind, const char*>, 2> kCrossKinds = {{
    {CrossKind::kProduct, "product"},
    {CrossKind::kMatch, "match"},
}};

Json FeatureToJson(const Feature& feature) {
  Json json = {{"name", feature.name}, {"kind", ToString(feature.kind)}, {"role", ToString(feature.role)}};
  if (feature.kind == FeatureKind::kNumeric) {
    json["transform"] = ToString(feature.transform);
    json["missing"] = ToString(feature.missing);
  }
  if (feature.kind == FeatureKind::kMultiCategorical) json["delimiter"] = std::string(1, feature.delimiter);
  if (!feature.column.empty()) json["column"] = feature.column;
  if (feature.part != DatePart::kNone) json["part"] = ToString(feature.part);
  if (feature.max_vocabulary > 0) json["max_vocabulary"] = feature.max_vocabulary;
  return json;
}

absl::StatusOr<Feature> FeatureFromJson(const Json& json, const std::string& where) {
  if (!json.is_object()) return absl::InvalidArgumentError(absl::StrCat(where, " is not an object"));
  Feature feature;
  for (const auto& [key, value] : json.items()) {
    if (key == "max_vocabulary") {
      if (!value.is_number_unsigned() || value.get<uint64_t>() == 0 ||
          value.get<uint64_t>() > kMostVocabulary) {
        return absl::InvalidArgumentError(absl::StrCat(where,
                                                       ".max_vocabulary must be a whole number from 1 to ",
                                                       kMostVocabulary, ", not ", value.dump()));
      }
      feature.max_vocabulary = value.get<uint32_t>();
      continue;
    }
    if (!value.is_string()) {
      return absl::InvalidArgumentError(absl::StrCat(where, ".", key, " is not a string: ", value.dump()));
    }
    const std::string word = value.get<std::string>();
    absl::Status status;
    if (key == "name") {
      feature.name = word;
    } else if (key == "kind") {
      status = ParseWord(kKinds, word, where + ".kind", &feature.kind);
    } else if (key == "role") {
      status = ParseWord(kRoles, word, where + ".role", &feature.role);
    } else if (key == "transform") {
      status = ParseWord(kTransforms, word, where + ".transform", &feature.transform);
    } else if (key == "missing") {
      status = ParseWord(kMissingRules, word, where + ".missing", &feature.missing);
    } else if (key == "column") {
      feature.column = word;
    } else if (key == "part") {
      status = ParseWord(kParts, word, where + ".part", &feature.part);
    } else if (key == "delimiter" && word.size() == 1) {
      feature.delimiter = word[0];
    } else if (key == "delimiter") {
      status =
          absl::InvalidArgumentError(absl::StrCat(where, ".delimiter must be one byte, not '", word, "'"));
    } else {
      status = absl::InvalidArgumentError(
          absl::StrCat(where, " has an unknown key '", key,
                       "'; known: name, kind, role, transform, missing, delimiter, column, part, "
                       "max_vocabulary"));
    }
    if (!status.ok()) return status;
  }
  if (feature.name.empty()) return absl::InvalidArgumentError(absl::StrCat(where, " has no name"));
  if (feature.part != DatePart::kNone && feature.kind != FeatureKind::kCategorical) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ".part '", ToString(feature.part), "' is for features of the kind categorical"));
  }
  if (feature.max_vocabulary > 0 && feature.kind == FeatureKind::kNumeric) {
    return absl::InvalidArgumentError(absl::StrCat(
        where,
        ".max_vocabulary is for features of the kinds categorical and multi_categorical: leave it out"));
  }
  return feature;
}

absl::StatusOr<Cross> CrossFromJson(const Json& json, const Schema& schema, const std::string& where) {
  if (!json.is_object()) return absl::InvalidArgumentError(absl::StrCat(where, " is not an object"));
  Cross cross;
  cross.first = cross.second = schema.features.size();  // not there
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) {
      return absl::InvalidArgumentError(absl::StrCat(where, ".", key, " is not a string: ", value.dump()));
    }
    const std::string word = value.get<std::string>();
    if (key == "kind") {
      if (absl::Status status = ParseWord(kCrossKinds, word, where + ".kind", &cross.kind); !status.ok()) {
        return status;
      }
    } else if (key == "first" || key == "second") {
      const Feature* feature = schema.Find(word);
      if (feature == nullptr) {
        return absl::InvalidArgumentError(
            absl::StrCat(where, ".", key, " '", word, "' is not one of the features"));
      }
      (key == "first" ? cross.first : cross.second) = static_cast<size_t>(feature - schema.features.data());
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat(where, " has an unknown key '", key, "'; known: kind, first, second"));
    }
  }
  for (const char* key : {"first", "second"}) {
    if (!json.contains(key)) return absl::InvalidArgumentError(absl::StrCat(where, " has no ", key));
  }
  return cross;
}

absl::Status ReadCrosses(const Json& json, Schema* schema) {
  if (!json.is_array() || json.size() > kMostCrosses) {
    return absl::InvalidArgumentError(
        absl::StrCat("the schema's \"crosses\" are not a list of at most ", kMostCrosses));
  }
  for (size_t i = 0; i < json.size(); ++i) {
    const absl::StatusOr<Cross> cross = CrossFromJson(json[i], *schema, absl::StrCat("crosses[", i, "]"));
    if (!cross.ok()) return cross.status();
    schema->crosses.push_back(*cross);
  }
  return CheckCrosses(*schema);
}

void HashText(XXH3_state_t* state, std::string_view text) {
  const uint64_t size = text.size();  // the length first, so that "ab","c" and "a","bc" differ
  XXH3_64bits_update(state, &size, sizeof(size));
  XXH3_64bits_update(state, text.data(), text.size());
}

}  // namespace

RoleCounts Schema::Count(FeatureRole role) const {
  RoleCounts counts;
  for (const Feature& feature : features) {
    if (feature.role != role) continue;
    switch (feature.kind) {
      case FeatureKind::kNumeric:
        ++counts.numeric;
        break;
      case FeatureKind::kCategorical:
        ++counts.categorical;
        break;
      case FeatureKind::kMultiCategorical:
        ++counts.multi;
        break;
    }
  }
  return counts;
}

const Feature* Schema::Find(std::string_view name) const {
  for (const Feature& feature : features) {
    if (feature.name == name) return &feature;
  }
  return nullptr;
}

const char* ToString(FeatureKind kind) { return WordOf(kKinds, kind); }
const char* ToString(FeatureRole role) { return WordOf(kRoles, role); }
const char* ToString(NumericTransform transform) { return WordOf(kTransforms, transform); }
const char* ToString(MissingRule rule) { return WordOf(kMissingRules, rule); }
const char* ToString(DatePart part) { return WordOf(kParts, part); }
const char* ToString(CrossKind kind) { return WordOf(kCrossKinds, kind); }

uint64_t Fingerprint(const Schema& schema) {
  XXH3_state_t state;
  XXH3_INITSTATE(&state);
  XXH3_64bits_reset(&state);
  for (const Feature& feature : schema.features) {
    HashText(&state, feature.name);
    HashText(&state, ToString(feature.kind));
    HashText(&state, ToString(feature.role));
  }
  return XXH3_64bits_digest(&state);
}

std::string SchemaToJson(const Schema& schema) {
  Json features = Json::array();
  for (const Feature& feature : schema.features) features.push_back(FeatureToJson(feature));
  Json json = {{"features", features}};
  for (const Cross& cross : schema.crosses) {
    json["crosses"].push_back({{"kind", ToString(cross.kind)},
                               {"first", schema.features[cross.first].name},
                               {"second", schema.features[cross.second].name}});
  }
  return json.dump(2);
}

absl::StatusOr<Schema> SchemaFromJson(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return absl::InvalidArgumentError("the schema is not valid JSON");
  if (!json.is_object() || !json.contains("features") || !json["features"].is_array()) {
    return absl::InvalidArgumentError("the schema needs a list \"features\"");
  }
  for (const auto& item : json.items()) {
    if (item.key() != "features" && item.key() != "crosses") {
      return absl::InvalidArgumentError(
          absl::StrCat("the schema has an unknown key '", item.key(), "'; known: features, crosses"));
    }
  }
  Schema schema;
  std::set<std::string> names;
  for (size_t i = 0; i < json["features"].size(); ++i) {
    absl::StatusOr<Feature> feature = FeatureFromJson(json["features"][i], absl::StrCat("features[", i, "]"));
    if (!feature.ok()) return feature.status();
    if (!names.insert(feature->name).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("features[", i, "].name '", feature->name, "' appears twice"));
    }
    schema.features.push_back(*std::move(feature));
  }
  if (schema.features.empty()) return absl::InvalidArgumentError("the schema has no features");
  if (json.contains("crosses")) {
    if (absl::Status status = ReadCrosses(json["crosses"], &schema); !status.ok()) return status;
  }
  return schema;
}

}  // namespace adscore::model

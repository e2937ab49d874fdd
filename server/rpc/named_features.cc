#include "server/rpc/named_features.h"

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "data/cell.h"

namespace adscore::server {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;
using model::Feature;
using model::FeatureKind;
using model::FeatureRole;

// Doubles up to here hold every whole number.
constexpr double kLargestWhole = 9007199254740992.0;  // 2^53

std::string Shown(const Value& value) {
  switch (value.kind_case()) {
    case Value::kStringValue:
      return absl::StrCat("'", value.string_value().substr(0, 100), "'");
    case Value::kNumberValue:
      return absl::StrCat(value.number_value());
    case Value::kBoolValue:
      return value.bool_value() ? "true" : "false";
    case Value::kListValue:
      return "a list";
    case Value::kStructValue:
      return "an object";
    default:
      return "null";
  }
}

absl::Status Expected(const char* what, const Value& value) {
  return absl::InvalidArgumentError(absl::StrCat("expected ", what, ", got ", Shown(value)));
}

bool IsNull(const Value& value) {
  return value.kind_case() == Value::kNullValue || value.kind_case() == Value::KIND_NOT_SET;
}

absl::Status PackNumber(const Value& value, std::vector<float>* numeric) {
  std::optional<float> number;
  if (IsNull(value)) {
    number = std::numeric_limits<float>::quiet_NaN();
  } else if (value.kind_case() == Value::kStringValue) {
    number = data::IsMissingNumber(value.string_value()) ? std::numeric_limits<float>::quiet_NaN()
                                                         : data::ParseNumber(value.string_value());
  } else if (value.kind_case() == Value::kNumberValue) {
    const auto narrowed = static_cast<float>(value.number_value());
    if (!std::isinf(narrowed)) number = narrowed;
  }
  if (!number.has_value()) return Expected("a number that fits 32 bits, or null", value);
  numeric->push_back(*number);
  return absl::OkStatus();
}

// The hash of a string, or of a whole number's digits. Nothing for other values.
std::optional<uint64_t> Token(const Value& value) {
  if (value.kind_case() == Value::kStringValue) return data::TokenHash(value.string_value());
  if (value.kind_case() == Value::kNumberValue) {
    const double number = value.number_value();
    if (std::trunc(number) != number || std::abs(number) > kLargestWhole) return std::nullopt;
    return data::TokenHash(absl::StrCat(static_cast<int64_t>(number)));
  }
  return std::nullopt;
}

absl::Status PackToken(const Value& value, std::vector<uint64_t>* categorical) {
  const std::optional<uint64_t> token = IsNull(value) ? data::kMissingToken : Token(value);
  if (!token.has_value()) return Expected("a string, a whole number, or null", value);
  categorical->push_back(*token);
  return absl::OkStatus();
}

absl::Status PackTokens(const Feature& feature, const Value& value, model::RawStorage* packed) {
  const size_t before = packed->multi.size();
  if (value.kind_case() == Value::kStringValue) {
    data::AppendTokenHashes(value.string_value(), feature.delimiter, &packed->multi);
  } else if (value.kind_case() == Value::kListValue) {
    for (const Value& element : value.list_value().values()) {
      const std::optional<uint64_t> token = Token(element);
      if (!token.has_value()) return Expected("a list of strings or whole numbers", element);
      if (*token != data::kMissingToken) packed->multi.push_back(*token);
    }
  } else if (!IsNull(value)) {
    const char delimiter[] = {feature.delimiter, 0};
    return absl::InvalidArgumentError(
        absl::StrCat("expected a list of tokens, one string of tokens between '", delimiter,
                     "', or null; got ", Shown(value)));
  }
  packed->multi_count.push_back(static_cast<uint32_t>(packed->multi.size() - before));
  return absl::OkStatus();
}

absl::Status PackValue(const Feature& feature, const Value& value, model::RawStorage* packed) {
  switch (feature.kind) {
    case FeatureKind::kNumeric:
      return PackNumber(value, &packed->numeric);
    case FeatureKind::kCategorical:
      return PackToken(value, &packed->categorical);
    case FeatureKind::kMultiCategorical:
      return PackTokens(feature, value, packed);
  }
  return absl::InternalError("a feature of unknown kind");
}

// The first name in `features` that the schema does not have in this role.
absl::Status UnknownName(const model::Schema& schema, FeatureRole role, const Struct& features) {
  for (const auto& [name, value] : features.fields()) {
    const Feature* feature = schema.Find(name);
    if (feature != nullptr && feature->role == role) continue;
    if (feature != nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("feature '", name, "' belongs in '",
                       feature->role == FeatureRole::kContext ? "context" : "candidates", "'"));
    }
    std::vector<std::string> names;
    for (const Feature& known : schema.features) {
      if (known.role == role) names.push_back(known.name);
    }
    return absl::InvalidArgumentError(
        absl::StrCat("the model has no feature '", name.substr(0, 100),
                     "'; it has here: ", names.empty() ? "none" : absl::StrJoin(names, ", ")));
  }
  return absl::OkStatus();
}

// Packs every feature of `role` in schema order with pack(feature, value); value is null where it is left
// out.
template <typename Pack>
absl::Status PackAll(const model::Schema& schema, FeatureRole role, const Struct& features,
                     model::RawStorage* packed, Pack pack) {
  packed->Clear();
  static const Value kMissing;
  int found = 0;
  for (const Feature& feature : schema.features) {
    if (feature.role != role) continue;
    const auto value = features.fields().find(feature.name);
    const bool given = value != features.fields().end();
    found += given ? 1 : 0;
    absl::Status status = pack(feature, given ? value->second : kMissing);
    if (!status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("feature '", feature.name, "'", status.message()));
    }
  }
  return found == features.fields_size() ? absl::OkStatus() : UnknownName(schema, role, features);
}

}  // namespace

absl::Status PackContext(const model::Schema& schema, const Struct& features, model::RawStorage* packed) {
  return PackAll(
      schema, FeatureRole::kContext, features, packed, [&](const Feature& feature, const Value& value) {
        absl::Status status = PackValue(feature, value, packed);
        return status.ok() ? status : absl::InvalidArgumentError(absl::StrCat(": ", status.message()));
      });
}

absl::Status PackCandidates(const model::Schema& schema, const Struct& features, size_t rows,
                            model::RawStorage* packed) {
  static const Value kMissing;
  return PackAll(
      schema, FeatureRole::kCandidate, features, packed, [&](const Feature& feature, const Value& column) {
        if (!IsNull(column) && column.kind_case() != Value::kListValue) {
          return absl::InvalidArgumentError(
              absl::StrCat(": expected a list with one value per candidate, got ", Shown(column)));
        }
        const auto& values = column.list_value().values();
        if (!IsNull(column) && static_cast<size_t>(values.size()) != rows) {
          return absl::InvalidArgumentError(
              absl::StrCat(": expected a list of ", rows, " values, one per candidate, got ", values.size()));
        }
        for (size_t r = 0; r < rows; ++r) {
          absl::Status status =
              PackValue(feature, IsNull(column) ? kMissing : values[static_cast<int>(r)], packed);
          if (!status.ok()) {
            return absl::InvalidArgumentError(absl::StrCat(", candidate ", r, ": ", status.message()));
          }
        }
        return absl::OkStatus();
      });
}

}  // namespace adscore::server

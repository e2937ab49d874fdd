// The schema: which features a model takes, in which order, and of which kind. It is what a caller and a
// model must agree on; what training fits to each feature is in encoding.h.
//
// Thread-safe: plain values and pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace adscore::model {

enum class FeatureKind : uint8_t {
  kNumeric,           // one float; NaN = missing
  kCategorical,       // one token hash; 0 = missing
  kMultiCategorical,  // any number of token hashes; none = missing
};

enum class FeatureRole : uint8_t {
  kContext,    // once per impression
  kCandidate,  // once per candidate
};

enum class NumericTransform : uint8_t {
  kIdentity,
  kSignedLog1p,  // sign(x) · log(1 + |x|), for skewed amounts and counts
};

// What a missing number becomes. A flag beside it says that it was missing, where the model has one.
enum class MissingRule : uint8_t {
  kMean,    // the mean of the training rows, which is 0 once standardised
  kZero,    // as if it were the number 0
  kRefuse,  // nothing: the model has no answer without the number
};

// What Feature::max_vocabulary can be, at most.
inline constexpr uint32_t kMostVocabulary = 1'000'000'000;

// Which part of a date or time a feature is; the token that stands for it is the caller's to make
// (data/date_time.h).
enum class DatePart : uint8_t {
  kNone,     // the feature is the cell as it is
  kHour,     // "0" … "23"
  kWeekday,  // "mon" … "sun"
};

struct Feature {
  std::string name;
  FeatureKind kind = FeatureKind::kNumeric;
  FeatureRole role = FeatureRole::kCandidate;
  NumericTransform transform = NumericTransform::kIdentity;  // numeric only
  MissingRule missing = MissingRule::kMean;                  // numeric only
  char delimiter = '|';  // multi-valued only: separates values within one cell
  // Where files have the feature, for what is read from one: the column, if it is not the name, and which
  // part of its date or time (categorical only). A request has the feature itself.
  std::string column{};
  DatePart part = DatePart::kNone;
  // Categorical and multi-valued only: tokens that training gives entries of their own, at most; those beyond
  // share hashed buckets. 0: as many as training's options say.
  uint32_t max_vocabulary = 0;

  const std::string& Column() const { return column.empty() ? name : column; }

  bool operator==(const Feature&) const = default;
};

// How two features become a third one (model/cross.h).
enum class CrossKind : uint8_t {
  kProduct,  // a token for each pair of their values
  kMatch,    // whether they have a value in common
};

struct Cross {
  CrossKind kind = CrossKind::kProduct;
  size_t first = 0;  // index of a feature in the schema
  size_t second = 0;

  bool operator==(const Cross&) const = default;
};

// How many features of each kind one role has: the shape of its raw columns.
struct RoleCounts {
  size_t numeric = 0;
  size_t categorical = 0;
  size_t multi = 0;
};

struct Schema {
  std::vector<Feature> features;  // schema order; context and candidate features may be mixed
  std::vector<Cross> crosses{};   // no request carries them: they follow from the features

  bool operator==(const Schema&) const = default;

  RoleCounts Count(FeatureRole role) const;
  // The feature of that name, or nullptr. Linear: not for the hot path.
  const Feature* Find(std::string_view name) const;
};

// Names of the enumerators as they stand in JSON and in messages: "numeric", "context", "signed_log1p",
// "mean" ….
const char* ToString(FeatureKind kind);
const char* ToString(FeatureRole role);
const char* ToString(NumericTransform transform);
const char* ToString(MissingRule rule);
const char* ToString(DatePart part);
const char* ToString(CrossKind kind);

// XXH3 over the features' names, kinds, roles and order: all that decides how a request is packed, and
// nothing that training, a cross or a change of transform alters.
uint64_t Fingerprint(const Schema& schema);

// {"features": [{"name": …, "kind": …, "role": …, "transform": …, "missing": …, "delimiter": …, "column": …,
// "part": …, "max_vocabulary": …}, …], "crosses": [{"kind": "product" or "match", "first": …, "second": …},
// …]}, the last by the features' names. Printed with what applies to each kind, and without crosses if there
// are none; read with defaults for what is left out, and refused (InvalidArgument, saying where) for an
// unknown key or word, an empty or repeated name, a cross that can't be, or no features at all.
std::string SchemaToJson(const Schema& schema);
absl::StatusOr<Schema> SchemaFromJson(std::string_view json);

}  // namespace adscore::model

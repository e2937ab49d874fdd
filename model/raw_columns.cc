#include "model/raw_columns.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace adscore::model {
namespace {

absl::Status CheckCount(FeatureRole role, const char* what, size_t features, size_t rows, size_t got) {
  if (got == features * rows) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(ToString(role), ": expected ", features * rows, " ", what,
                                                 " (", features, " features x ", rows, " rows), got ", got));
}

// The `index`-th numeric feature of that role, which there is.
const Feature& NumericFeature(const Schema& schema, FeatureRole role, size_t index) {
  const Feature* found = &schema.features.front();
  for (const Feature& feature : schema.features) {
    if (feature.role != role || feature.kind != FeatureKind::kNumeric) continue;
    found = &feature;
    if (index-- == 0) break;
  }
  return *found;
}

bool RefusesMissing(const Schema& schema, FeatureRole role) {
  return std::any_of(schema.features.begin(), schema.features.end(), [role](const Feature& feature) {
    return feature.role == role && feature.kind == FeatureKind::kNumeric &&
           feature.missing == MissingRule::kRefuse;
  });
}

absl::Status CheckNumber(const Feature& feature, size_t row, float value) {
  const char* wrong = nullptr;
  if (std::isinf(value)) {
    wrong = "infinity is not a value; send a finite number, or NaN for a missing one";
  } else if (std::isnan(value) && feature.missing == MissingRule::kRefuse) {
    wrong = "the number is missing, and this model has no answer without it; send it";
  }
  if (wrong == nullptr) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(ToString(feature.role), " feature '", feature.name, "', row ", row, ": ", wrong));
}

// The first `rows` of each column's `all` values.
template <typename T>
void CopyColumns(std::span<const T> columns, size_t all, size_t rows, std::vector<T>* to) {
  to->clear();
  for (size_t begin = 0; begin < columns.size(); begin += all) {
    const std::span<const T> column = columns.subspan(begin, rows);
    to->insert(to->end(), column.begin(), column.end());
  }
}

}  // namespace

void RawStorage::Clear() {
  numeric.clear();
  categorical.clear();
  multi_count.clear();
  multi.clear();
}

RawColumns RawStorage::View(size_t rows) const {
  return {.rows = rows,
          .numeric = numeric,
          .categorical = categorical,
          .multi_count = multi_count,
          .multi = multi};
}

void RawStorage::CopyFirst(size_t rows, const RawColumns& columns) {
  CopyColumns(columns.numeric, columns.rows, rows, &numeric);
  CopyColumns(columns.categorical, columns.rows, rows, &categorical);
  CopyColumns(columns.multi_count, columns.rows, rows, &multi_count);
  multi.clear();
  size_t value = 0;
  for (size_t i = 0; i < columns.multi_count.size(); ++i) {
    const uint32_t count = columns.multi_count[i];
    if (i % columns.rows < rows) {
      const std::span<const uint64_t> values = columns.multi.subspan(value, count);
      multi.insert(multi.end(), values.begin(), values.end());
    }
    value += count;
  }
}

absl::Status CheckColumns(const Schema& schema, FeatureRole role, const RawColumns& columns) {
  const RoleCounts counts = schema.Count(role);
  const size_t rows = columns.rows;
  absl::Status status = CheckCount(role, "numeric values", counts.numeric, rows, columns.numeric.size());
  status.Update(CheckCount(role, "categorical values", counts.categorical, rows, columns.categorical.size()));
  status.Update(CheckCount(role, "multi_count values", counts.multi, rows, columns.multi_count.size()));
  if (!status.ok()) return status;

  // 64 bits hold the sum of 2^32 counts below 2^32, and no message is that long.
  uint64_t values = 0;
  for (const uint32_t count : columns.multi_count) values += count;
  if (values != columns.multi.size()) {
    return absl::InvalidArgumentError(absl::StrCat(ToString(role), ": the values of multi_count add up to ",
                                                   values, ", but there are ", columns.multi.size(),
                                                   " multi values"));
  }
  const bool refuses_missing = RefusesMissing(schema, role);
  for (size_t i = 0; i < columns.numeric.size(); ++i) {
    const float value = columns.numeric[i];
    if (!std::isinf(value) && !(refuses_missing && std::isnan(value))) continue;
    status = CheckNumber(NumericFeature(schema, role, i / rows), i % rows, value);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace adscore::model

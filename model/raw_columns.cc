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

// The name of the `index`-th feature of that role and kind.
std::string NameOf(const Schema& schema, FeatureRole role, FeatureKind kind, size_t index) {
  for (const Feature& feature : schema.features) {
    if (feature.role == role && feature.kind == kind && index-- == 0) return feature.name;
  }
  return "?";
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
  for (size_t i = 0; i < columns.numeric.size(); ++i) {
    if (std::isinf(columns.numeric[i])) {
      return absl::InvalidArgumentError(absl::StrCat(
          ToString(role), " feature '", NameOf(schema, role, FeatureKind::kNumeric, i / rows), "', row ",
          i % rows, ": infinity is not a value; send a finite number, or NaN for a missing one"));
    }
  }
  return absl::OkStatus();
}

}  // namespace adscore::model

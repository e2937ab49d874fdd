#include "trainer/golden_rows.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

namespace adscore::trainer {
namespace {

bool IsMissing(const Column& column, model::FeatureKind kind, size_t row) {
  switch (kind) {
    case model::FeatureKind::kNumeric:
      return std::isnan(column.numeric[row]);
    case model::FeatureKind::kCategorical:
      return column.tokens[row] == 0;
    case model::FeatureKind::kMultiCategorical:
      return column.multi_count[row] == 0;
  }
  return false;
}

}  // namespace

absl::StatusOr<std::vector<uint32_t>> ChooseGoldenRows(const Dataset& data, std::span<const uint32_t> rows,
                                                       size_t count) {
  if (rows.size() <= count) return std::vector<uint32_t>(rows.begin(), rows.end());
  const size_t spread = count - count / 4;
  std::set<uint32_t> chosen;
  for (size_t i = 0; i < spread; ++i) chosen.insert(rows[rows.size() * i / spread]);

  for (size_t feature = 0; feature < data.schema.features.size() && chosen.size() < count; ++feature) {
    const model::FeatureKind kind = data.schema.features[feature].kind;
    std::optional<uint32_t> first[2];  // the first row in which the feature is present, and is missing
    bool shown[2] = {};                // whether a chosen row shows it
    absl::Status read = ForEachCell(
        data, feature, std::vector<uint32_t>(chosen.begin(), chosen.end()),
        [&](const Column& column, size_t local, uint32_t) { shown[IsMissing(column, kind, local)] = true; });
    if (!read.ok()) return read;
    if (shown[0] && shown[1]) continue;
    read = ForEachCell(data, feature, rows, [&](const Column& column, size_t local, uint32_t row) {
      std::optional<uint32_t>& seen = first[IsMissing(column, kind, local)];
      if (!seen) seen = row;
    });
    if (!read.ok()) return read;
    for (const bool missing : {true, false}) {
      if (chosen.size() < count && !shown[missing] && first[missing]) chosen.insert(*first[missing]);
    }
  }
  return std::vector<uint32_t>(chosen.begin(), chosen.end());
}

}  // namespace adscore::trainer

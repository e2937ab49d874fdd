#include "trainer/golden_rows.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace adscore::trainer {
namespace {

bool IsMissing(const Dataset& data, size_t feature, uint32_t row) {
  const Column& column = data.columns[feature];
  switch (data.schema.features[feature].kind) {
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

std::vector<uint32_t> ChooseGoldenRows(const Dataset& data, std::span<const uint32_t> rows, size_t count) {
  if (rows.size() <= count) return {rows.begin(), rows.end()};
  const size_t spread = count - count / 4;
  std::set<uint32_t> chosen;
  for (size_t i = 0; i < spread; ++i) chosen.insert(rows[rows.size() * i / spread]);

  for (size_t feature = 0; feature < data.schema.features.size() && chosen.size() < count; ++feature) {
    for (const bool missing : {true, false}) {
      const auto shows_it = [&](uint32_t row) { return IsMissing(data, feature, row) == missing; };
      if (chosen.size() == count || std::any_of(chosen.begin(), chosen.end(), shows_it)) continue;
      const auto found = std::find_if(rows.begin(), rows.end(), shows_it);
      if (found != rows.end()) chosen.insert(*found);
    }
  }
  return {chosen.begin(), chosen.end()};
}

}  // namespace adscore::trainer

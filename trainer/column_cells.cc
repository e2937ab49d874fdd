#include "trainer/column_cells.h"

namespace adscore::trainer {

void Column::Clear() {
  numeric.clear();
  tokens.clear();
  multi_count.clear();
  multi.clear();
  multi_begin.clear();
  missing = 0;
  unparsable = 0;
  first_unparsable.clear();
  unknown = 0;
}

void Column::Reserve(model::FeatureKind kind, size_t rows) {
  switch (kind) {
    case model::FeatureKind::kNumeric:
      numeric.reserve(rows);
      break;
    case model::FeatureKind::kCategorical:
      tokens.reserve(rows);
      break;
    case model::FeatureKind::kMultiCategorical:
      multi_begin.reserve(rows);
      multi_count.reserve(rows);
      break;
  }
}

void Column::AppendCells(const Column& more) {
  numeric.insert(numeric.end(), more.numeric.begin(), more.numeric.end());
  tokens.insert(tokens.end(), more.tokens.begin(), more.tokens.end());
  multi_count.insert(multi_count.end(), more.multi_count.begin(), more.multi_count.end());
  for (const uint64_t begin : more.multi_begin) multi_begin.push_back(multi.size() + begin);
  multi.insert(multi.end(), more.multi.begin(), more.multi.end());
}

void Column::AppendCounts(const Column& more) {
  missing += more.missing;
  if (unparsable == 0) first_unparsable = more.first_unparsable;
  unparsable += more.unparsable;
  unknown += more.unknown;
}

void Column::AppendRow(const Column& from, size_t row) {
  if (!from.numeric.empty()) numeric.push_back(from.numeric[row]);
  if (!from.tokens.empty()) tokens.push_back(from.tokens[row]);
  if (from.multi_count.empty()) return;
  multi_begin.push_back(multi.size());
  multi_count.push_back(from.multi_count[row]);
  const auto begin = from.multi.begin() + static_cast<std::ptrdiff_t>(from.multi_begin[row]);
  multi.insert(multi.end(), begin, begin + from.multi_count[row]);
}

}  // namespace adscore::trainer

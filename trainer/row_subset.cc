#include "trainer/row_subset.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <utility>

namespace adscore::trainer {

Column SubsetColumn(const Column& column, model::FeatureKind kind, std::span<const uint32_t> rows) {
  Column subset;
  switch (kind) {
    case model::FeatureKind::kNumeric:
      subset.numeric.reserve(rows.size());
      for (const uint32_t row : rows) {
        subset.numeric.push_back(column.numeric[row]);
        subset.missing += std::isnan(column.numeric[row]) ? 1 : 0;
      }
      break;
    case model::FeatureKind::kCategorical:
      subset.tokens.reserve(rows.size());
      for (const uint32_t row : rows) {
        subset.tokens.push_back(column.tokens[row]);
        subset.missing += column.tokens[row] == 0 ? 1 : 0;
      }
      break;
    case model::FeatureKind::kMultiCategorical:
      subset.multi_begin.reserve(rows.size());
      subset.multi_count.reserve(rows.size());
      for (const uint32_t row : rows) {
        const uint64_t begin = column.multi_begin[row];
        subset.multi_begin.push_back(subset.multi.size());
        subset.multi_count.push_back(column.multi_count[row]);
        for (uint64_t i = begin; i < begin + column.multi_count[row]; ++i)
          subset.multi.push_back(column.multi[i]);
        subset.missing += column.multi_count[row] == 0 ? 1 : 0;
      }
      break;
  }
  return subset;
}

Dataset SubsetRows(const Dataset& data, std::span<const uint32_t> rows) {
  Dataset subset;
  subset.schema = data.schema;
  subset.rows = rows.size();
  for (size_t f = 0; f < data.columns.size(); ++f) {
    subset.columns.push_back(SubsetColumn(data.columns[f], data.schema.features[f].kind, rows));
  }
  for (const std::vector<uint8_t>& labels : data.labels) {
    std::vector<uint8_t>& of = subset.labels.emplace_back();
    of.reserve(rows.size());
    for (const uint32_t row : rows) of.push_back(labels[row]);
  }
  if (!data.weights.empty()) {
    for (const uint32_t row : rows) subset.weights.push_back(data.weights[row]);
  }
  return subset;
}

absl::StatusOr<Dataset> FirstRows(const Dataset& data, size_t count) {
  if (data.cache == nullptr) {
    std::vector<uint32_t> rows(count);
    std::iota(rows.begin(), rows.end(), 0U);
    return SubsetRows(data, rows);
  }
  absl::StatusOr<std::unique_ptr<const CellCache>> cache = data.cache->FirstRows(count);
  if (!cache.ok()) return cache.status();
  const auto first = [count](const auto& values) {
    const size_t kept = std::min(count, values.size());  // none of weights, if there are none
    return std::vector(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(kept));
  };
  Dataset subset;
  subset.schema = data.schema;
  subset.rows = count;
  subset.columns.resize(data.columns.size());
  for (const std::vector<uint8_t>& labels : data.labels) subset.labels.push_back(first(labels));
  subset.weights = first(data.weights);
  subset.cache = *std::move(cache);
  return subset;
}

}  // namespace adscore::trainer

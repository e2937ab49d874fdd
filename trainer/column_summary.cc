#include "trainer/column_summary.h"

#include <algorithm>
#include <cmath>

#include "absl/container/flat_hash_set.h"

namespace adscore::trainer {
namespace {

ColumnSummary OfNumbers(const Column& column, std::span<const uint32_t> rows) {
  std::vector<float> ascending;
  for (const uint32_t row : rows) {
    if (!std::isnan(column.numeric[row])) ascending.push_back(column.numeric[row]);
  }
  std::sort(ascending.begin(), ascending.end());
  ColumnSummary summary;
  summary.missing = 1 - static_cast<double>(ascending.size()) / static_cast<double>(rows.size());
  if (ascending.empty()) return summary;
  std::array<float, 5>& quantiles = summary.quantiles.emplace();
  for (size_t q = 0; q < quantiles.size(); ++q) {
    const double at = kSummaryQuantiles[q] * static_cast<double>(ascending.size() - 1);
    quantiles[q] = ascending[static_cast<size_t>(std::lround(at))];
  }
  summary.different =
      static_cast<uint64_t>(std::unique(ascending.begin(), ascending.end()) - ascending.begin());
  return summary;
}

ColumnSummary OfTokens(const Column& column, bool multi, const model::FeatureEncoding& encoding,
                       std::span<const uint32_t> rows) {
  ColumnSummary summary;
  absl::flat_hash_set<uint64_t> different;
  uint64_t present = 0;
  uint64_t unknown = 0;
  uint64_t missing = 0;
  const auto add = [&](uint64_t token) {
    different.insert(token);
    ++present;
    const bool embedded = encoding.vocabulary.Contains(token) &&
                          encoding.EmbeddingId(encoding.vocabulary.Lookup(token)) != model::kUnknownId;
    unknown += embedded ? 0 : 1;
  };
  for (const uint32_t row : rows) {
    if (multi) {
      missing += column.multi_count[row] == 0 ? 1 : 0;
      const uint64_t begin = column.multi_begin[row];
      for (uint64_t i = begin; i < begin + column.multi_count[row]; ++i) add(column.multi[i]);
    } else if (column.tokens[row] == 0) {
      ++missing;
    } else {
      add(column.tokens[row]);
    }
  }
  summary.missing = static_cast<double>(missing) / static_cast<double>(rows.size());
  summary.different = different.size();
  summary.vocabulary =
      encoding.embedding.rows - std::min<uint64_t>(encoding.embedding.rows, model::kFirstTokenId);
  if (present > 0) summary.unknown = static_cast<double>(unknown) / static_cast<double>(present);
  return summary;
}

}  // namespace

std::vector<ColumnSummary> SummarizeColumns(const model::Snapshot& snapshot, const Dataset& data,
                                            std::span<const uint32_t> rows) {
  std::vector<ColumnSummary> summaries;
  for (size_t f = 0; f < data.columns.size(); ++f) {
    const model::FeatureKind kind = data.schema.features[f].kind;
    summaries.push_back(kind == model::FeatureKind::kNumeric
                            ? OfNumbers(data.columns[f], rows)
                            : OfTokens(data.columns[f], kind == model::FeatureKind::kMultiCategorical,
                                       snapshot.encodings[f], rows));
  }
  return summaries;
}

}  // namespace adscore::trainer

#include "trainer/column_summary.h"

#include <algorithm>
#include <cmath>

#include "absl/container/flat_hash_set.h"
#include "trainer/token_counting.h"

namespace adscore::trainer {
namespace {

absl::StatusOr<ColumnSummary> OfNumbers(const Dataset& data, size_t feature, std::span<const uint32_t> rows) {
  std::vector<float> ascending;
  const absl::Status read =
      ForEachCell(data, feature, rows, [&](const Column& column, size_t local, uint32_t) {
        if (!std::isnan(column.numeric[local])) ascending.push_back(column.numeric[local]);
      });
  if (!read.ok()) return read;
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

absl::StatusOr<ColumnSummary> OfTokens(const Dataset& data, size_t feature,
                                       const model::FeatureEncoding& encoding,
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
  const model::FeatureKind kind = data.schema.features[feature].kind;
  const absl::Status read =
      ForEachCell(data, feature, rows, [&](const Column& column, size_t local, uint32_t) {
        const uint64_t before = present;
        ForEachToken(column, kind, local, add);
        missing += present == before ? 1 : 0;
      });
  if (!read.ok()) return read;
  summary.missing = static_cast<double>(missing) / static_cast<double>(rows.size());
  summary.different = different.size();
  summary.vocabulary =
      encoding.embedding.rows - std::min<uint64_t>(encoding.embedding.rows, model::kFirstTokenId);
  if (present > 0) summary.unknown = static_cast<double>(unknown) / static_cast<double>(present);
  return summary;
}

}  // namespace

absl::StatusOr<std::vector<ColumnSummary>> SummarizeColumns(const model::Snapshot& snapshot,
                                                            const Dataset& data,
                                                            std::span<const uint32_t> rows) {
  std::vector<ColumnSummary> summaries;
  for (size_t f = 0; f < data.columns.size(); ++f) {
    absl::StatusOr<ColumnSummary> summary = data.schema.features[f].kind == model::FeatureKind::kNumeric
                                                ? OfNumbers(data, f, rows)
                                                : OfTokens(data, f, snapshot.encodings[f], rows);
    if (!summary.ok()) return summary.status();
    summaries.push_back(*std::move(summary));
  }
  return summaries;
}

}  // namespace adscore::trainer

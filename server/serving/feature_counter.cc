#include "server/serving/feature_counter.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace adscore::server {
namespace {

// What has been passed over of one role's columns.
struct Position {
  size_t numeric = 0;
  size_t categorical = 0;
  size_t multi = 0;
  size_t multi_value = 0;  // in RawColumns::multi
};

// Those of a vocabulary's buckets count: a change of spelling would be seen nowhere otherwise.
bool IsUnknown(const model::Vocabulary& vocabulary, std::span<const uint64_t> tokens) {
  return std::any_of(tokens.begin(), tokens.end(),
                     [&](uint64_t token) { return token != 0 && !vocabulary.Contains(token); });
}

void CountMulti(const model::RawColumns& columns, size_t rows, const model::Vocabulary& vocabulary,
                Position* at, FeatureCells* cells) {
  const auto counts = columns.multi_count.subspan(at->multi++ * columns.rows, columns.rows);
  size_t value = at->multi_value;
  for (size_t r = 0; r < rows; value += counts[r++]) {
    cells->missing.Add(counts[r] == 0 ? 1 : 0);
    cells->unknown.Add(IsUnknown(vocabulary, columns.multi.subspan(value, counts[r])) ? 1 : 0);
  }
  at->multi_value = std::accumulate(counts.begin(), counts.end(), at->multi_value);
}

}  // namespace

void FeatureCounter::Count(const ServedModel& served, const model::Impression& impression) const {
  const model::Snapshot& snapshot = served.model->snapshot();
  Position context;
  Position candidates;
  for (size_t f = 0; f < served.feature_metrics.size(); ++f) {
    const model::Feature& feature = snapshot.schema.features[f];
    const model::Vocabulary& vocabulary = snapshot.encodings[f].vocabulary;
    const bool is_context = feature.role == model::FeatureRole::kContext;
    const model::RawColumns& columns = is_context ? impression.context : impression.candidates;
    Position* at = is_context ? &context : &candidates;
    const size_t rows = std::min(columns.rows, kMostRows);
    FeatureCells& cells = served.feature_metrics[f]->of(loop_);
    cells.values.Add(rows);
    switch (feature.kind) {
      case model::FeatureKind::kNumeric: {
        const auto values = columns.numeric.subspan(at->numeric++ * columns.rows, rows);
        for (const float value : values) cells.missing.Add(std::isnan(value) ? 1 : 0);
        break;
      }
      case model::FeatureKind::kCategorical: {
        const auto tokens = columns.categorical.subspan(at->categorical++ * columns.rows, rows);
        for (const uint64_t& token : tokens) {
          cells.missing.Add(token == 0 ? 1 : 0);
          cells.unknown.Add(IsUnknown(vocabulary, {&token, 1}) ? 1 : 0);
        }
        break;
      }
      case model::FeatureKind::kMultiCategorical:
        CountMulti(columns, rows, vocabulary, at, &cells);
        break;
    }
  }
}

}  // namespace adscore::server

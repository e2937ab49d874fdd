#include "trainer/encoded_rows.h"

#include <algorithm>

namespace adscore::trainer {
namespace {

using model::FeatureKind;
using model::FeatureRole;

// What model/model.cc puts into the input vector for these ids, but without `but_fold`. out: [counts.dim()].
void MeanStatistics(const TokenCounts& counts, std::span<const uint32_t> ids, uint8_t but_fold, float* out) {
  std::vector<float> one(counts.dim());
  std::fill_n(out, counts.dim(), 0.0F);
  for (const uint32_t id : ids) {
    counts.Write(id, but_fold, one.data());
    for (size_t d = 0; d < one.size(); ++d) out[d] += one[d];
  }
  const float share = 1.0F / static_cast<float>(ids.size());
  for (size_t d = 0; d < counts.dim(); ++d) out[d] *= share;
}

}  // namespace

InputLayout LayOutInput(const model::Schema& schema, std::span<const model::FeatureEncoding> encodings) {
  InputLayout layout;
  for (const FeatureRole role : {FeatureRole::kContext, FeatureRole::kCandidate}) {
    for (size_t f = 0; f < schema.features.size(); ++f) {
      const model::Feature& feature = schema.features[f];
      if (feature.role != role) continue;
      InputField field;
      field.feature = f;
      field.kind = feature.kind;
      field.offset = layout.width;
      layout.width += model::InputWidth(feature, encodings[f]);
      field.dim = encodings[f].embedding.dim;
      field.statistics = encodings[f].statistics.dim;
      field.embedding_offset = layout.width - field.statistics - field.dim;
      field.ids = encodings[f].embedding.rows;
      field.statistics_column = layout.statistics;
      layout.statistics += field.statistics;
      switch (feature.kind) {
        case FeatureKind::kNumeric:
          field.column = layout.numeric++;
          break;
        case FeatureKind::kCategorical:
          field.column = layout.categorical++;
          break;
        case FeatureKind::kMultiCategorical:
          field.column = layout.multi++;
          break;
      }
      layout.fields.push_back(field);
    }
  }
  return layout;
}

void AppendEncoded(const Dataset& block, std::span<const uint32_t> rows, size_t begin,
                   const std::vector<std::vector<uint8_t>>& labels, const InputLayout& layout,
                   const FittedEncoders& encoders, EncodedRows* encoded) {
  const size_t before = encoded->rows;
  encoded->rows += rows.size();
  encoded->heads = labels.size();
  encoded->numbers.resize(encoded->rows * layout.numeric);
  encoded->ids.resize(encoded->rows * layout.categorical);
  if (encoded->multi_begin.empty()) encoded->multi_begin.push_back(0);
  encoded->statistics.resize(encoded->rows * layout.statistics);
  encoded->labels.resize(encoded->rows * encoded->heads);
  std::vector<uint32_t> ids;
  for (size_t i = 0; i < rows.size(); ++i) {
    const size_t from = rows[i];
    const size_t to = before + i;
    for (const InputField& field : layout.fields) {
      const Column& column = block.columns[field.feature];
      const model::FeatureEncoding& encoding = encoders.encodings[field.feature];
      ids.clear();
      switch (field.kind) {
        case FeatureKind::kNumeric:
          encoded->numbers[to * layout.numeric + field.column] = model::EncodeNumber(
              block.schema.features[field.feature], encoding.numeric, column.numeric[from]);
          break;
        case FeatureKind::kCategorical:
          ids.push_back(encoding.vocabulary.Lookup(column.tokens[from]));
          encoded->ids[to * layout.categorical + field.column] = encoding.EmbeddingId(ids.front());
          break;
        case FeatureKind::kMultiCategorical: {
          const uint64_t first = column.multi_begin[from];
          for (uint64_t v = first; v < first + column.multi_count[from]; ++v) {
            ids.push_back(encoding.vocabulary.Lookup(column.multi[v]));
          }
          if (ids.empty()) ids.push_back(model::kMissingId);
          for (const uint32_t id : ids) encoded->multi_ids.push_back(encoding.EmbeddingId(id));
          encoded->multi_begin.push_back(encoded->multi_ids.size());
          break;
        }
      }
      if (field.statistics == 0) continue;
      MeanStatistics(*encoders.counts[field.feature], ids, encoders.folds[begin + from],
                     encoded->statistics.data() + to * layout.statistics + field.statistics_column);
    }
    for (size_t head = 0; head < labels.size(); ++head) {
      encoded->labels[to * labels.size() + head] = labels[head][begin + from];
    }
  }
}

}  // namespace adscore::trainer

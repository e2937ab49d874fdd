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
      layout.width += model::InputWidth(feature, encodings[f], 1);
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

EncodedRows EncodeRows(const Dataset& data, const InputLayout& layout, const FittedEncoders& encoders) {
  EncodedRows encoded;
  encoded.rows = data.rows;
  encoded.heads = data.labels.size();
  encoded.numbers.resize(data.rows * layout.numeric);
  encoded.ids.resize(data.rows * layout.categorical);
  encoded.multi_begin.reserve(data.rows * layout.multi + 1);
  encoded.multi_begin.push_back(0);
  encoded.statistics.resize(data.rows * layout.statistics);
  std::vector<uint32_t> ids;
  for (size_t row = 0; row < data.rows; ++row) {
    for (const InputField& field : layout.fields) {
      const Column& column = data.columns[field.feature];
      const model::FeatureEncoding& encoding = encoders.encodings[field.feature];
      ids.clear();
      switch (field.kind) {
        case FeatureKind::kNumeric:
          encoded.numbers[row * layout.numeric + field.column] =
              model::EncodeNumber(data.schema.features[field.feature], encoding.numeric, column.numeric[row]);
          break;
        case FeatureKind::kCategorical:
          ids.push_back(encoding.vocabulary.Lookup(column.tokens[row]));
          encoded.ids[row * layout.categorical + field.column] = encoding.EmbeddingId(ids.front());
          break;
        case FeatureKind::kMultiCategorical: {
          const uint64_t begin = column.multi_begin[row];
          for (uint64_t i = begin; i < begin + column.multi_count[row]; ++i) {
            ids.push_back(encoding.vocabulary.Lookup(column.multi[i]));
          }
          if (ids.empty()) ids.push_back(model::kMissingId);
          for (const uint32_t id : ids) encoded.multi_ids.push_back(encoding.EmbeddingId(id));
          encoded.multi_begin.push_back(encoded.multi_ids.size());
          break;
        }
      }
      if (field.statistics == 0) continue;
      MeanStatistics(*encoders.counts[field.feature], ids, encoders.folds[row],
                     encoded.statistics.data() + row * layout.statistics + field.statistics_column);
    }
  }
  encoded.labels.resize(data.rows * encoded.heads);
  for (size_t head = 0; head < encoded.heads; ++head) {
    for (size_t row = 0; row < data.rows; ++row) {
      encoded.labels[row * encoded.heads + head] = data.labels[head][row];
    }
  }
  return encoded;
}

}  // namespace adscore::trainer

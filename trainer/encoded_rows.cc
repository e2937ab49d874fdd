#include "trainer/encoded_rows.h"

namespace adscore::trainer {
namespace {

using model::FeatureKind;
using model::FeatureRole;

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
      field.embedding_offset = layout.width - field.dim;
      field.ids = encodings[f].embedding.rows;
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

EncodedRows EncodeRows(const Dataset& data, const InputLayout& layout,
                       std::span<const model::FeatureEncoding> encodings) {
  EncodedRows encoded;
  encoded.rows = data.rows;
  encoded.heads = data.labels.size();
  encoded.numbers.resize(data.rows * layout.numeric);
  encoded.ids.resize(data.rows * layout.categorical);
  encoded.multi_begin.reserve(data.rows * layout.multi + 1);
  encoded.multi_begin.push_back(0);
  for (size_t row = 0; row < data.rows; ++row) {
    for (const InputField& field : layout.fields) {
      const Column& column = data.columns[field.feature];
      const model::FeatureEncoding& encoding = encodings[field.feature];
      switch (field.kind) {
        case FeatureKind::kNumeric:
          encoded.numbers[row * layout.numeric + field.column] =
              model::EncodeNumber(data.schema.features[field.feature], encoding.numeric, column.numeric[row]);
          break;
        case FeatureKind::kCategorical:
          encoded.ids[row * layout.categorical + field.column] =
              encoding.vocabulary.Lookup(column.tokens[row]);
          break;
        case FeatureKind::kMultiCategorical: {
          const uint64_t begin = column.multi_begin[row];
          for (uint64_t i = begin; i < begin + column.multi_count[row]; ++i) {
            encoded.multi_ids.push_back(encoding.vocabulary.Lookup(column.multi[i]));
          }
          if (column.multi_count[row] == 0) encoded.multi_ids.push_back(model::kMissingId);
          encoded.multi_begin.push_back(encoded.multi_ids.size());
          break;
        }
      }
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

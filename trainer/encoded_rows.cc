#include "trainer/encoded_rows.h"

#include <algorithm>
#include <numeric>

#include "model/cross.h"
#include "trainer/cross_cells.h"

namespace adscore::trainer {
namespace {

using model::FeatureKind;
using model::FeatureRole;

// Rows whose fields are encoded one after the other: few enough for what they touch to stay in the cache.
constexpr size_t kRowsAtOnce = 1024;
// Rows ahead for which a vocabulary's memory is asked for.
constexpr size_t kPrefetchRows = 16;

// Encodes some rows of a block.
class Encoding {
 public:
  Encoding(const Dataset& block, std::span<const uint32_t> rows, std::span<const uint8_t> folds,
           const InputLayout& layout, const FittedEncoders& encoders, size_t first, EncodedRows* encoded)
      : block_(block),
        rows_(rows),
        folds_(folds),
        layout_(layout),
        encoders_(encoders),
        first_(first),
        encoded_(*encoded) {
    for (const model::Cross& cross : block.schema.crosses) {
      CrossCells(block.schema, encoders.encodings, cross, block.columns[cross.first],
                 block.columns[cross.second], rows, &crossed_.emplace_back());
    }
    if (crossed_.empty()) return;
    row_index_.resize(rows.size());
    std::iota(row_index_.begin(), row_index_.end(), 0U);
  }

  void Numbers(const InputField& field) {
    const std::vector<float>& raw = block_.columns[field.feature].numeric;
    const model::Feature& feature = block_.schema.features[field.feature];
    const model::NumericEncoding& encoding = encoders_.encodings[field.feature].numeric;
    model::EncodedNumber* to = encoded_.numbers.data() + first_ * layout_.numeric + field.column;
    for (const uint32_t row : rows_) {
      *to = model::EncodeNumber(feature, encoding, raw[row]);
      to += layout_.numeric;
    }
  }

  void Tokens(const InputField& field) {
    const auto [column, rows] = CellsOf(field);
    const std::vector<uint64_t>& tokens = column.tokens;
    const model::FeatureEncoding& encoding = encoders_.encodings[field.feature];
    // First the ids of all rows, then their statistics, which are on their way into the cache meanwhile.
    ids_.resize(rows_.size());
    const TokenStatistics& statistics = *encoders_.statistics[field.feature];
    for (size_t i = 0; i < rows_.size(); ++i) {
      if (i + kPrefetchRows < rows_.size()) encoding.vocabulary.Prefetch(tokens[rows[i + kPrefetchRows]]);
      const uint32_t id = encoding.vocabulary.Lookup(tokens[rows[i]]);
      ids_[i] = id;
      statistics.Prefetch(id, folds_[rows_[i]]);
      encoded_.ids[(first_ + i) * layout_.categorical + field.column] = encoding.EmbeddingId(id);
    }
    for (size_t i = 0; i < rows_.size(); ++i) {
      statistics.Read(ids_[i], folds_[rows_[i]], StatisticsOf(field, i));
    }
  }

  // All fields of this kind, row by row: the lists of a row lie together.
  void Lists() {
    for (size_t i = 0; i < rows_.size(); ++i) {
      for (const InputField& field : layout_.fields) {
        if (field.kind == FeatureKind::kMultiCategorical) List(field, i);
      }
    }
  }

 private:
  // A field's cells, and which of them the rows are.
  struct Cells {
    const Column& column;
    std::span<const uint32_t> rows;
  };
  Cells CellsOf(const InputField& field) const {
    const size_t features = block_.schema.features.size();
    if (field.feature < features) return {block_.columns[field.feature], rows_};
    return {crossed_[field.feature - features], row_index_};
  }

  void List(const InputField& field, size_t i) {
    const auto [column, rows] = CellsOf(field);
    const model::FeatureEncoding& encoding = encoders_.encodings[field.feature];
    const uint64_t first = column.multi_begin[rows[i]];
    ids_.clear();
    for (uint64_t v = first; v < first + column.multi_count[rows[i]]; ++v) {
      ids_.push_back(encoding.vocabulary.Lookup(column.multi[v]));
    }
    if (ids_.empty()) ids_.push_back(model::kMissingId);
    for (const uint32_t id : ids_) encoded_.multi_ids.push_back(encoding.EmbeddingId(id));
    encoded_.multi_begin.push_back(encoded_.multi_ids.size());
    MeanStatistics(field, ids_, i);
  }

  // What model/model.cc puts into the input vector for these ids, but without the row's own fold.
  void MeanStatistics(const InputField& field, std::span<const uint32_t> ids, size_t i) {
    float* out = StatisticsOf(field, i);
    std::fill_n(out, field.statistics, 0.0F);
    one_.resize(field.statistics);
    for (const uint32_t id : ids) {
      encoders_.statistics[field.feature]->Read(id, folds_[rows_[i]], one_.data());
      for (size_t d = 0; d < field.statistics; ++d) out[d] += one_[d];
    }
    const float share = 1.0F / static_cast<float>(ids.size());
    for (size_t d = 0; d < field.statistics; ++d) out[d] *= share;
  }

  float* StatisticsOf(const InputField& field, size_t i) {
    return encoded_.statistics.data() + (first_ + i) * layout_.statistics + field.statistics_column;
  }

  const Dataset& block_;
  const std::span<const uint32_t> rows_;
  const std::span<const uint8_t> folds_;  // of the block's rows
  const InputLayout& layout_;
  const FittedEncoders& encoders_;
  const size_t first_;  // of the rows in `encoded`
  EncodedRows& encoded_;
  std::vector<Column> crossed_;      // of the rows alone: one per cross
  std::vector<uint32_t> row_index_;  // 0, 1, 2 …
  std::vector<uint32_t> ids_;
  std::vector<float> one_;
};

}  // namespace

std::vector<uint32_t> PlainInputs(const InputLayout& layout) {
  std::vector<uint32_t> plain;
  for (const InputField& field : layout.fields) {
    const size_t end = field.embedding_offset + field.dim;
    for (size_t i = field.offset; i < field.embedding_offset; ++i) plain.push_back(static_cast<uint32_t>(i));
    for (size_t i = end; i < end + field.statistics; ++i) plain.push_back(static_cast<uint32_t>(i));
  }
  return plain;
}

InputLayout LayOutInput(const model::Schema& schema, std::span<const model::FeatureEncoding> encodings,
                        size_t linear) {
  InputLayout layout;
  layout.linear = linear;
  const std::vector<model::Feature> features = model::EncodedFeatures(schema);
  for (const FeatureRole role : {FeatureRole::kContext, FeatureRole::kCandidate}) {
    for (size_t f = 0; f < features.size(); ++f) {
      const model::Feature& feature = features[f];
      if (feature.role != role) continue;
      InputField field;
      field.feature = f;
      field.kind = feature.kind;
      field.offset = layout.width;
      layout.width += model::InputWidth(feature, encodings[f], 1);
      field.dim = encodings[f].embedding.dim;
      field.linear = linear;
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

void EncodedRows::Clear() {
  rows = 0;
  numbers.clear();
  ids.clear();
  multi_begin.clear();
  multi_ids.clear();
  statistics.clear();
  labels.clear();
  weights.clear();
}

void EncodedRows::Reserve(size_t count, const InputLayout& layout, size_t label_heads) {
  numbers.reserve(count * layout.numeric);
  ids.reserve(count * layout.categorical);
  multi_begin.reserve(count * layout.multi + 1);
  multi_ids.reserve(count * layout.multi);
  statistics.reserve(count * layout.statistics);
  labels.reserve(count * label_heads);
}

void AppendEncoded(const Dataset& block, std::span<const uint32_t> rows, size_t begin,
                   const std::vector<std::vector<uint8_t>>& labels, const InputLayout& layout,
                   const FittedEncoders& encoders, EncodedRows* encoded, std::span<const float> weights) {
  const size_t before = encoded->rows;
  encoded->rows += rows.size();
  encoded->heads = labels.size();
  encoded->numbers.resize(encoded->rows * layout.numeric);
  encoded->ids.resize(encoded->rows * layout.categorical);
  if (encoded->multi_begin.empty()) encoded->multi_begin.push_back(0);
  encoded->statistics.resize(encoded->rows * layout.statistics);
  encoded->labels.resize(encoded->rows * encoded->heads);
  const std::span<const uint8_t> folds = std::span<const uint8_t>(encoders.folds).subspan(begin);
  for (size_t first = 0; first < rows.size(); first += kRowsAtOnce) {
    Encoding encoding(block, rows.subspan(first, std::min(kRowsAtOnce, rows.size() - first)), folds, layout,
                      encoders, before + first, encoded);
    for (const InputField& field : layout.fields) {
      if (field.kind == FeatureKind::kNumeric) encoding.Numbers(field);
      if (field.kind == FeatureKind::kCategorical) encoding.Tokens(field);
    }
    if (layout.multi > 0) encoding.Lists();
  }
  for (size_t head = 0; head < labels.size(); ++head) {
    for (size_t i = 0; i < rows.size(); ++i) {
      encoded->labels[(before + i) * labels.size() + head] = labels[head][begin + rows[i]];
    }
  }
  if (!weights.empty()) {
    for (const uint32_t row : rows) encoded->weights.push_back(weights[begin + row]);
  }
}

}  // namespace adscore::trainer

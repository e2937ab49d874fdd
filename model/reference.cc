// ReferenceScore: the oracle. Written for the eye, not for the clock: it shares the encoders' scalar
// functions with Model and nothing else.
#include <vector>

#include "model/model.h"

namespace adscore::model {
namespace {

using Row = std::vector<double>;

// What one feature adds to a member's input vector of row `row`. `column` is its index among its role's
// features of its kind, `dim` the width of its embedding for one member.
void AppendFeature(const Feature& feature, const FeatureEncoding& encoding, size_t member, size_t dim,
                   const RawColumns& columns, size_t column, size_t row, Row* input) {
  const EmbeddingTable& table = encoding.embedding;
  const size_t cell = column * columns.rows + row;
  const EmbeddingTable& statistics = encoding.statistics;
  Row embedding(dim + statistics.dim, 0.0);
  const auto add = [&](uint32_t id) {
    const uint32_t row_of_id = feature.kind == FeatureKind::kNumeric ? id : encoding.EmbeddingId(id);
    for (size_t d = 0; d < dim; ++d) embedding[d] += table.values[row_of_id * table.dim + member * dim + d];
    for (size_t d = 0; d < statistics.dim; ++d)
      embedding[dim + d] += statistics.values[id * statistics.dim + d];
  };
  if (feature.kind == FeatureKind::kNumeric) {
    const EncodedNumber number = EncodeNumber(feature, encoding.numeric, columns.numeric[cell]);
    input->push_back(number.value);
    if (encoding.numeric.flag) input->push_back(number.missing);
    if (dim > 0) add(number.bin);
  } else if (feature.kind == FeatureKind::kCategorical) {
    add(encoding.vocabulary.Lookup(columns.categorical[cell]));
  } else if (columns.multi_count[cell] == 0) {
    add(kMissingId);
  } else {
    size_t at = 0;
    for (size_t i = 0; i < cell; ++i) at += columns.multi_count[i];
    const size_t count = columns.multi_count[cell];
    for (size_t i = 0; i < count; ++i) add(encoding.vocabulary.Lookup(columns.multi[at + i]));
    for (double& value : embedding) value /= static_cast<double>(count);
  }
  input->insert(input->end(), embedding.begin(), embedding.end());
}

void AppendRole(const Snapshot& snapshot, size_t member, FeatureRole role, const RawColumns& columns,
                size_t row, Row* input) {
  size_t next[3] = {};  // per kind: the next feature's column
  for (size_t i = 0; i < snapshot.schema.features.size(); ++i) {
    const Feature& feature = snapshot.schema.features[i];
    if (feature.role != role) continue;
    const size_t column = next[static_cast<size_t>(feature.kind)]++;
    const FeatureEncoding& encoding = snapshot.encodings[i];
    AppendFeature(feature, encoding, member, encoding.embedding.dim / snapshot.members, columns, column, row,
                  input);
  }
}

Row Apply(const Layer& layer, const Row& x, bool hidden) {
  Row y(layer.bias.begin(), layer.bias.end());
  for (size_t k = 0; k < layer.inputs; ++k) {
    for (size_t c = 0; c < layer.outputs; ++c) y[c] += x[k] * layer.weights[k * layer.outputs + c];
  }
  if (hidden) {
    for (double& value : y) value = Activate(layer.activation, value);
  }
  return y;
}

}  // namespace

void ReferenceScore(const Snapshot& snapshot, const RawColumns& context, const RawColumns& candidates,
                    float* probabilities) {
  const size_t heads = snapshot.heads.size();
  for (size_t row = 0; row < candidates.rows; ++row) {
    Row logits(heads, 0.0);
    for (size_t member = 0; member < snapshot.members; ++member) {
      Row x;
      AppendRole(snapshot, member, FeatureRole::kContext, context, row, &x);
      AppendRole(snapshot, member, FeatureRole::kCandidate, candidates, row, &x);
      const std::span<const Layer> layers = snapshot.LayersOf(member);
      for (size_t i = 0; i < layers.size(); ++i) x = Apply(layers[i], x, /*hidden=*/i + 1 < layers.size());
      for (size_t h = 0; h < heads; ++h) logits[h] += x[h] / static_cast<double>(snapshot.members);
    }
    for (size_t h = 0; h < heads; ++h) {
      *probabilities++ = static_cast<float>(Sigmoid(LogOdds(snapshot.heads[h].calibrator, logits[h])));
    }
  }
}

}  // namespace adscore::model

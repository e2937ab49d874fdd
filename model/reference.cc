// ReferenceScore: the oracle. Written for the eye, not for the clock: it shares the encoders' scalar
// functions with Model and nothing else.
#include <vector>

#include "model/cross.h"
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

// The values of feature `f` in a row, as crosses take them.
std::vector<uint64_t> ValuesOf(const Snapshot& snapshot, size_t f, const RawColumns& context,
                               const RawColumns& candidates, size_t row) {
  const std::vector<Feature>& features = snapshot.schema.features;
  const Feature& feature = features[f];
  size_t column = 0;
  for (size_t i = 0; i < f; ++i)
    column += features[i].kind == feature.kind && features[i].role == feature.role ? 1 : 0;
  const RawColumns& columns = feature.role == FeatureRole::kContext ? context : candidates;
  const size_t cell = column * columns.rows + row;
  switch (feature.kind) {
    case FeatureKind::kNumeric:
      return {EncodeNumber(feature, snapshot.encodings[f].numeric, columns.numeric[cell]).bin};
    case FeatureKind::kCategorical:
      return {columns.categorical[cell]};
    case FeatureKind::kMultiCategorical:
      break;
  }
  size_t at = 0;
  for (size_t i = 0; i < cell; ++i) at += columns.multi_count[i];
  const auto values = columns.multi.subspan(at, columns.multi_count[cell]);
  return {values.begin(), values.end()};
}

// What a cross adds: that of a feature of its own, whose column has this one row.
void AppendCross(const Snapshot& snapshot, size_t index, size_t member, const RawColumns& context,
                 const RawColumns& candidates, size_t row, Row* input) {
  const Cross& cross = snapshot.schema.crosses[index];
  const Feature feature = FeatureOf(snapshot.schema, cross);
  std::vector<uint64_t> tokens;
  CrossTokens(cross.kind, feature.kind == FeatureKind::kMultiCategorical,
              ValuesOf(snapshot, cross.first, context, candidates, row),
              ValuesOf(snapshot, cross.second, context, candidates, row), &tokens);
  const auto count = static_cast<uint32_t>(tokens.size());
  const RawColumns column = {
      .rows = 1, .numeric = {}, .categorical = tokens, .multi_count = {&count, 1}, .multi = tokens};
  const FeatureEncoding& encoding = snapshot.encodings[snapshot.schema.features.size() + index];
  AppendFeature(feature, encoding, member, encoding.embedding.dim / snapshot.members, column, 0, 0, input);
}

void AppendRole(const Snapshot& snapshot, size_t member, FeatureRole role, const RawColumns& context,
                const RawColumns& candidates, size_t row, Row* input) {
  const RawColumns& columns = role == FeatureRole::kContext ? context : candidates;
  size_t next[3] = {};  // per kind: the next feature's column
  for (size_t i = 0; i < snapshot.schema.features.size(); ++i) {
    const Feature& feature = snapshot.schema.features[i];
    if (feature.role != role) continue;
    const size_t column = next[static_cast<size_t>(feature.kind)]++;
    const FeatureEncoding& encoding = snapshot.encodings[i];
    AppendFeature(feature, encoding, member, encoding.embedding.dim / snapshot.members, columns, column, row,
                  input);
  }
  for (size_t i = 0; i < snapshot.schema.crosses.size(); ++i) {
    if (FeatureOf(snapshot.schema, snapshot.schema.crosses[i]).role != role) continue;
    AppendCross(snapshot, i, member, context, candidates, row, input);
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
      AppendRole(snapshot, member, FeatureRole::kContext, context, candidates, row, &x);
      AppendRole(snapshot, member, FeatureRole::kCandidate, context, candidates, row, &x);
      const std::span<const Layer> layers = snapshot.LayersOf(member);
      for (size_t i = 0; i < layers.size(); ++i) x = Apply(layers[i], x, /*hidden=*/i + 1 < layers.size());
      for (size_t h = 0; h < heads; ++h) logits[h] += x[h] / static_cast<double>(snapshot.members);
    }
    Row served(heads);
    for (size_t h = 0; h < heads; ++h) {
      const Head& head = snapshot.heads[h];
      served[h] = Sigmoid(LogOdds(head.calibrator, logits[h]));
      if (head.after) served[h] *= served[*head.after];
      *probabilities++ = static_cast<float>(served[h]);
    }
  }
}

}  // namespace adscore::model

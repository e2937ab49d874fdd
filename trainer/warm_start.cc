#include "trainer/warm_start.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "model/cross.h"
#include "trainer/target_statistics.h"

namespace adscore::trainer {

absl::StatusOr<WarmStart> WarmStart::From(const model::Snapshot& snapshot, double kept) {
  WarmStart start(snapshot, kept);
  double most = 0;
  for (const model::Layer& layer : snapshot.layers) {
    if (layer.activation == model::Activation{}) continue;
    return absl::InvalidArgumentError(absl::StrCat("can't go on from this snapshot: it has the activation ",
                                                   model::ToString(layer.activation.kind),
                                                   ", and this trainer trains ReLU; fit anew, without "
                                                   "--warm-start"));
  }
  const std::vector<model::Feature> features = model::EncodedFeatures(snapshot.schema);
  for (size_t f = 0; f < snapshot.encodings.size(); ++f) {
    const model::Feature& feature = features[f];
    const model::FeatureEncoding& encoding = snapshot.encodings[f];
    const bool number = feature.kind == model::FeatureKind::kNumeric;
    if (encoding.embedding.dim != snapshot.encodings[0].embedding.dim || (number && !encoding.numeric.flag) ||
        (!number && encoding.statistics.dim != snapshot.heads.size() + 1)) {
      return absl::InvalidArgumentError(
          absl::StrCat("can't go on from this snapshot: feature '", feature.name,
                       "' has another shape than this trainer gives it; fit anew, without --warm-start"));
    }
    if (feature.kind != model::FeatureKind::kCategorical) continue;
    // A row has one token of such a feature, or none; rows of tokens too rare to be counted are missed.
    double rows = 0;
    for (uint32_t id = 0; id < encoding.statistics.rows; ++id) rows += start.Counted(f, id).rows;
    most = std::max(most, rows);
  }
  start.rows_ = most > 0 ? most : kept * static_cast<double>(snapshot.provenance.training_rows);
  return start;
}

size_t WarmStart::embedding_dim() const { return snapshot_->encodings[0].embedding.dim / snapshot_->members; }

std::vector<size_t> WarmStart::hidden() const {
  std::vector<size_t> widths;
  for (const model::Layer& layer : snapshot_->LayersOf(0)) widths.push_back(layer.outputs);
  widths.pop_back();  // the heads
  return widths;
}

PastToken WarmStart::Counted(size_t f, uint32_t id) const {
  const size_t heads = snapshot_->heads.size();
  const auto fitted_rows = static_cast<double>(snapshot_->provenance.training_rows);
  std::vector<double> base_rates;
  for (const model::Head& head : snapshot_->heads) {
    base_rates.push_back((head.base_rate * fitted_rows + 0.5) / (fitted_rows + 1));
  }
  PastToken past;
  past.positives.resize(heads);
  past.rows = CountsOf({snapshot_->encodings[f].statistics.Row(id), heads + 1}, base_rates, past.positives);
  past.rows *= kept_;
  for (double& positives : past.positives) positives *= kept_;
  return past;
}

PastToken WarmStart::Missing(size_t f) const { return Counted(f, model::kMissingId); }

std::vector<PastToken> WarmStart::Tokens(size_t f) const {
  const model::FeatureEncoding& encoding = snapshot_->encodings[f];
  std::vector<PastToken> tokens;
  for (size_t slot = 0; slot < encoding.vocabulary.keys().size(); ++slot) {
    const uint64_t token = encoding.vocabulary.keys()[slot];
    if (token == 0) continue;
    const uint32_t id = encoding.vocabulary.ids()[slot];
    tokens.push_back(Counted(f, id));
    tokens.back().token = token;
    tokens.back().embedding_id = encoding.EmbeddingId(id);
  }
  return tokens;
}

Parameters WarmStart::ParametersOf(size_t member, const InputLayout& layout,
                                   std::span<const std::vector<uint32_t>> previous_ids) const {
  Parameters parameters;
  for (const InputField& field : layout.fields) {
    const model::EmbeddingTable& old = snapshot_->encodings[field.feature].embedding;
    const std::vector<uint32_t>& ids = previous_ids[field.feature];
    std::vector<float>& table = parameters.tables.emplace_back();
    table.reserve(field.ids * field.dim);
    for (uint32_t id = 0; id < field.ids; ++id) {
      const float* row = old.Row(ids.empty() ? id : ids[id]) + member * field.dim;
      table.insert(table.end(), row, row + field.dim);
    }
  }
  for (const model::Layer& layer : snapshot_->LayersOf(member)) {
    parameters.layers.push_back({layer.inputs,
                                 layer.outputs,
                                 {layer.weights.begin(), layer.weights.end()},
                                 {layer.bias.begin(), layer.bias.end()}});
  }
  return parameters;
}

}  // namespace adscore::trainer

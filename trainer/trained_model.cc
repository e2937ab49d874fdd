#include "trainer/trained_model.h"

#include <algorithm>
#include <utility>

#include "model/model.h"
#include "trainer/linear_part.h"

namespace adscore::trainer {

TrainedModel::TrainedModel(const model::Schema& schema, const InputLayout& layout, FittedEncoders encoders,
                           std::vector<Parameters> members, std::vector<model::Head> heads,
                           model::Provenance provenance)
    : encoders_(std::move(encoders)), members_(std::move(members)) {
  snapshot_.schema = schema;
  snapshot_.encodings = encoders_.encodings;
  snapshot_.members = members_.size();
  for (size_t f = 0; f < layout.fields.size(); ++f) {
    const InputField& field = layout.fields[f];
    const size_t row = field.RowFloats();
    std::vector<float>& table = tables_.emplace_back(field.ids * members_.size() * row);
    float* to = table.data();
    for (size_t id = 0; id < field.ids; ++id) {
      for (const Parameters& member : members_) {
        to = std::copy_n(member.tables[f].data() + id * row, row, to);
      }
    }
    model::EmbeddingTable& embedding = snapshot_.encodings[field.feature].embedding;
    embedding.dim = members_.size() * row;
    embedding.values = table;
  }
  for (Parameters& member : members_) {
    member.tables.clear();  // they are in tables_
    if (layout.linear > 0) member.layers = WithLinearUnits(layout, member);
    member.linear = {};
    for (const DenseLayer& layer : member.layers) {
      snapshot_.layers.push_back({layer.inputs, layer.outputs, layer.weights, layer.bias});
    }
  }
  snapshot_.heads = std::move(heads);
  snapshot_.provenance = std::move(provenance);
}

size_t TrainedModel::parameters() const {
  size_t count = 0;
  for (const std::vector<float>& table : tables_) count += table.size();
  for (const Parameters& member : members_) count += CountParameters(member);
  return count;
}

void TrainedModel::AddGoldenRows(const Dataset& data) {
  model::GoldenRows& golden = snapshot_.golden;
  golden.rows = data.rows;
  golden.context = data.Slice(model::FeatureRole::kContext, 0, data.rows, &golden_context_);
  golden.candidates = data.Slice(model::FeatureRole::kCandidate, 0, data.rows, &golden_candidates_);
  golden_probabilities_.resize(data.rows * snapshot_.heads.size());
  model::ReferenceScore(snapshot_, golden.context, golden.candidates, golden_probabilities_.data());
  golden.probabilities = golden_probabilities_;
}

}  // namespace adscore::trainer

#include "trainer/trained_model.h"

#include <utility>

#include "model/model.h"

namespace adscore::trainer {

TrainedModel::TrainedModel(const model::Schema& schema, const InputLayout& layout, FittedEncoders encoders,
                           Parameters parameters, std::vector<model::Head> heads,
                           model::Provenance provenance)
    : encoders_(std::move(encoders)), parameters_(std::move(parameters)) {
  snapshot_.schema = schema;
  snapshot_.encodings = encoders_.encodings;
  for (size_t f = 0; f < layout.fields.size(); ++f) {
    snapshot_.encodings[layout.fields[f].feature].embedding.values = parameters_.tables[f];
  }
  for (const DenseLayer& layer : parameters_.layers) {
    snapshot_.layers.push_back({layer.inputs, layer.outputs, layer.weights, layer.bias});
  }
  snapshot_.heads = std::move(heads);
  snapshot_.provenance = std::move(provenance);
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

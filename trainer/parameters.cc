#include "trainer/parameters.h"

#include <cmath>

#include "trainer/random.h"

namespace adscore::trainer {
namespace {

constexpr double kEmbeddingDeviation = 0.05;
constexpr double kOutputShare = 0.1;

}  // namespace

Parameters ZeroParameters(const InputLayout& layout, std::span<const size_t> hidden, size_t heads) {
  Parameters parameters;
  for (const InputField& field : layout.fields) parameters.tables.emplace_back(field.ids * field.RowFloats());
  if (layout.linear > 0) {
    const size_t plain = PlainInputs(layout).size();
    parameters.linear = {plain, layout.linear, std::vector<float>(plain * layout.linear), {}};
  }
  size_t inputs = layout.width;
  for (size_t i = 0; i <= hidden.size(); ++i) {
    const size_t outputs = i < hidden.size() ? hidden[i] : heads;
    parameters.layers.push_back(
        {inputs, outputs, std::vector<float>(inputs * outputs), std::vector<float>(outputs)});
    inputs = outputs;
  }
  return parameters;
}

Parameters InitialParameters(const InputLayout& layout, std::span<const size_t> hidden,
                             std::span<const double> base_rates, uint64_t seed) {
  Parameters parameters = ZeroParameters(layout, hidden, base_rates.size());
  uint64_t part = 0;
  for (size_t f = 0; f < layout.fields.size(); ++f) {
    Random random(seed, part++);
    const InputField& field = layout.fields[f];
    const size_t zeros =
        field.kind == model::FeatureKind::kNumeric ? model::kFirstBinId : model::kFirstTokenId;
    std::vector<float>& table = parameters.tables[f];
    for (size_t id = zeros; id < field.ids; ++id) {
      float* const row = table.data() + id * field.RowFloats();
      for (size_t d = 0; d < field.dim; ++d)
        row[d] = static_cast<float>(kEmbeddingDeviation * random.Normal());
    }
  }
  for (DenseLayer& layer : parameters.layers) {
    Random random(seed, part++);
    const bool output = &layer == &parameters.layers.back();
    const double deviation = std::sqrt(2.0 / static_cast<double>(layer.inputs)) * (output ? kOutputShare : 1);
    for (float& weight : layer.weights) weight = static_cast<float>(deviation * random.Normal());
  }
  std::vector<float>& bias = parameters.layers.back().bias;
  for (size_t head = 0; head < base_rates.size(); ++head) {
    bias[head] = static_cast<float>(std::log(base_rates[head] / (1 - base_rates[head])));
  }
  return parameters;
}

size_t CountParameters(const Parameters& parameters) {
  size_t count = 0;
  for (const std::vector<float>& table : parameters.tables) count += table.size();
  for (const DenseLayer& layer : parameters.layers) count += layer.weights.size() + layer.bias.size();
  return count + parameters.linear.weights.size();
}

}  // namespace adscore::trainer

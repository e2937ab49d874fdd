#include "trainer/linear_part.h"

#include <algorithm>

namespace adscore::trainer {
namespace {

// A layer that is written input by input.
class LayerRows {
 public:
  explicit LayerRows(size_t outputs) : layer_{0, outputs, {}, {}} {}

  // The next input: zeros, to be written to.
  float* Add() {
    layer_.weights.resize(++layer_.inputs * layer_.outputs);
    return layer_.weights.data() + (layer_.inputs - 1) * layer_.outputs;
  }
  // With the outputs of `layer` for its input `i` first.
  float* Add(const DenseLayer& layer, size_t i) {
    float* const row = Add();
    std::copy_n(layer.weights.data() + i * layer.outputs, layer.outputs, row);
    return row;
  }
  // With that bias, and 0 for the units that are more.
  DenseLayer Take(const std::vector<float>& bias) {
    layer_.bias = bias;
    layer_.bias.resize(layer_.outputs);
    return std::move(layer_);
  }

 private:
  DenseLayer layer_;
};

DenseLayer First(const InputLayout& layout, const Parameters& parameters) {
  const DenseLayer& layer = parameters.layers.front();
  const size_t heads = layout.linear;
  const bool hidden = parameters.layers.size() > 1;
  LayerRows rows(layer.outputs + (hidden ? 2 * heads : 0));
  // What one input adds to the heads' sums.
  const auto add_linear = [&](float* row, const float* weights) {
    for (size_t h = 0; h < heads; ++h) {
      if (hidden) {
        row[layer.outputs + h] = weights[h];
        row[layer.outputs + heads + h] = -weights[h];
      } else {
        row[h] += weights[h];
      }
    }
  };
  const float* of_plain = parameters.linear.weights.data();
  const auto add_plain = [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i, of_plain += heads) add_linear(rows.Add(layer, i), of_plain);
  };
  for (const InputField& field : layout.fields) {
    const size_t end = field.embedding_offset + field.dim;
    add_plain(field.offset, field.embedding_offset);
    for (size_t i = field.embedding_offset; i < end; ++i) rows.Add(layer, i);
    for (size_t h = 0; h < heads; ++h) {
      std::vector<float> one(heads);
      one[h] = 1;
      add_linear(rows.Add(), one.data());
    }
    add_plain(end, end + field.statistics);
  }
  return rows.Take(layer.bias);
}

}  // namespace

std::vector<DenseLayer> WithLinearUnits(const InputLayout& layout, const Parameters& parameters) {
  const size_t heads = layout.linear;
  std::vector<DenseLayer> layers = {First(layout, parameters)};
  for (size_t l = 1; l < parameters.layers.size(); ++l) {
    const DenseLayer& layer = parameters.layers[l];
    const bool output = l + 1 == parameters.layers.size();
    LayerRows rows(layer.outputs + (output ? 0 : 2 * heads));
    for (size_t i = 0; i < layer.inputs; ++i) rows.Add(layer, i);
    for (size_t unit = 0; unit < 2 * heads; ++unit) {
      float* const row = rows.Add();
      if (output) {
        row[unit % heads] = unit < heads ? 1.0F : -1.0F;
      } else {
        row[layer.outputs + unit] = 1;
      }
    }
    layers.push_back(rows.Take(layer.bias));
  }
  return layers;
}

}  // namespace adscore::trainer

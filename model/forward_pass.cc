#include "model/forward_pass.h"

#include <algorithm>

namespace adscore::model {
namespace {

// Rows that go through all layers together at most: beyond, their activations would be read from further away
// than the weights are.
constexpr size_t kMostRows = 264;

// The stride of a layer's outputs: an odd number of cache lines, so that the rows of a tile do not all fall
// into the same few sets of the first-level cache, as they would at 4 KB from one to the next.
size_t ActivationStride(size_t width) {
  constexpr size_t kLine = kAlignment / sizeof(float);
  return RowStride(width) | kLine;
}

}  // namespace

ForwardPass::ForwardPass(std::span<const Layer> layers, size_t context_inputs, const KernelSet& kernels)
    : kernels_(&kernels), layers_(layers.begin(), layers.end()), context_inputs_(context_inputs) {
  // Two rounds over the same parts: how many floats there are, and then the floats.
  const Layer& output = layers_.back();
  size_t floats = 0;
  const auto next = [&floats](size_t count) {
    const size_t at = floats;
    floats += RowStride(count);
    return at;
  };
  std::vector<size_t> at;
  for (size_t i = 0; i + 1 < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    const size_t skip = i == 0 ? context_inputs_ : 0;
    if (i == 0) next(KernelsOf(0).packed_floats(skip, layer.outputs));
    at.push_back(next(KernelsOf(i).packed_floats(layer.inputs - skip, layer.outputs)));
    widest_stride_ = std::max(widest_stride_, ActivationStride(layer.outputs));
  }
  const size_t output_at = next(output.inputs * output.outputs);

  float* const weights = weights_.Reserve(floats);
  packed_context_ = weights;
  for (size_t i = 0; i + 1 < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    const size_t skip = i == 0 ? context_inputs_ : 0;
    const float* const from = layer.weights.data();
    if (skip > 0) KernelsOf(i).pack(from, layer.outputs, 1, skip, layer.outputs, weights);
    KernelsOf(i).pack(from + skip * layer.outputs, layer.outputs, 1, layer.inputs - skip, layer.outputs,
                      weights + at[i]);
    const ActivateKernel activate = kernels_->activate[static_cast<size_t>(layer.activation.kind)];
    hidden_.push_back({.kernels = &KernelsOf(i),
                       .args = {.depth = layer.inputs - skip,
                                .columns = layer.outputs,
                                .packed = weights + at[i],
                                .init = layer.bias.data(),
                                .init_stride = skip > 0 ? share_stride() : 0,
                                .y_stride = widest_stride_,
                                .relu = activate == nullptr},
                       .needs_scratch = KernelsOf(i).scratch_floats(1, layer.inputs) > 0,
                       .activate = activate,
                       .alpha = layer.activation.alpha});
  }
  output_weights_ = weights + output_at;
  for (size_t k = 0; k < output.inputs; ++k) {
    for (size_t h = 0; h < output.outputs; ++h) {
      weights[output_at + h * output.inputs + k] = output.weights[k * output.outputs + h];
    }
  }
}

void ForwardPass::ShareContexts(const float* x, size_t x_stride, size_t impressions, ForwardScratch* scratch,
                                float* share) const {
  const Layer& first = layers_.front();
  const KernelSet& kernels = KernelsOf(0);
  kernels.dense({.rows = impressions,
                 .depth = context_inputs_,
                 .columns = first.outputs,
                 .x = x,
                 .x_row_stride = x_stride,
                 .packed = packed_context_,
                 .init = first.bias.data(),
                 .y = share,
                 .y_stride = share_stride(),
                 .scratch = scratch->kernel.Reserve(kernels.scratch_floats(impressions, context_inputs_))});
}

void ForwardPass::Run(const float* x, size_t x_stride, size_t rows, const float* share,
                      const uint32_t* impression_of_row, ForwardScratch* scratch, float* logits) const {
  for (size_t first = 0; first < rows; first += kMostRows) {
    RunBlock(x + first * x_stride, x_stride, std::min(kMostRows, rows - first), share,
             impression_of_row != nullptr ? impression_of_row + first : nullptr, scratch,
             logits + first * heads());
  }
}

void ForwardPass::RunBlock(const float* x, size_t x_stride, size_t rows, const float* share,
                           const uint32_t* impression_of_row, ForwardScratch* scratch, float* logits) const {
  for (AlignedFloats& activations : scratch->activations) activations.Reserve(rows * widest_stride_);
  for (size_t i = 0; i < hidden_.size(); ++i) {
    const HiddenLayer& layer = hidden_[i];
    DenseArgs args = layer.args;
    args.rows = rows;
    args.x = x;
    args.x_row_stride = x_stride;
    if (i == 0 && context_inputs_ > 0) {
      args.init = share;
      args.init_row = impression_of_row;
    }
    args.y = scratch->activations[i % 2].data();
    if (layer.needs_scratch) {
      args.scratch = scratch->kernel.Reserve(layer.kernels->scratch_floats(rows, args.depth));
    }
    layer.kernels->dense(args);
    if (layer.activate != nullptr) {
      layer.activate(layer.alpha, rows, args.columns, args.y_stride, args.y);
    }
    x = args.y;
    x_stride = args.y_stride;
  }
  const Layer& output = layers_.back();
  kernels_->heads(x, x_stride, output_weights_, output.bias.data(), rows, output.inputs, output.outputs,
                  logits);
}

}  // namespace adscore::model

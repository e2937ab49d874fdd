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
  const auto pack = [this](const float* weights, size_t depth, size_t outputs) {
    AlignedFloats packed(kernels_->packed_floats(depth, outputs));
    kernels_->pack(weights, outputs, 1, depth, outputs, packed.data());
    return packed;
  };
  for (size_t i = 0; i + 1 < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    deepest_ = std::max(deepest_, layer.inputs);
    const size_t skip = i == 0 ? context_inputs_ : 0;
    if (skip > 0) packed_context_ = pack(layer.weights.data(), skip, layer.outputs);
    packed_.push_back(pack(layer.weights.data() + skip * layer.outputs, layer.inputs - skip, layer.outputs));
    widest_stride_ = std::max(widest_stride_, ActivationStride(layer.outputs));
  }
  const Layer& output = layers_.back();
  output_weights_.Reserve(output.inputs * output.outputs);
  for (size_t k = 0; k < output.inputs; ++k) {
    for (size_t h = 0; h < output.outputs; ++h) {
      output_weights_.data()[h * output.inputs + k] = output.weights[k * output.outputs + h];
    }
  }
}

void ForwardPass::ShareContexts(const float* x, size_t x_stride, size_t impressions, ForwardScratch* scratch,
                                float* share) const {
  const Layer& first = layers_.front();
  kernels_->dense(
      {.rows = impressions,
       .depth = context_inputs_,
       .columns = first.outputs,
       .x = x,
       .x_row_stride = x_stride,
       .packed = packed_context_.data(),
       .init = first.bias.data(),
       .y = share,
       .y_stride = share_stride(),
       .scratch = scratch->kernel.Reserve(kernels_->scratch_floats(impressions, context_inputs_))});
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
  float* const kernel_scratch = scratch->kernel.Reserve(kernels_->scratch_floats(rows, deepest_));
  for (size_t i = 0; i < packed_.size(); ++i) {
    const Layer& layer = layers_[i];
    const bool add_context = i == 0 && context_inputs_ > 0;
    float* y = scratch->activations[i % 2].data();
    const ActivateKernel activate = kernels_->activate[static_cast<size_t>(layer.activation.kind)];
    kernels_->dense({.rows = rows,
                     .depth = layer.inputs - (add_context ? context_inputs_ : 0),
                     .columns = layer.outputs,
                     .x = x,
                     .x_row_stride = x_stride,
                     .packed = packed_[i].data(),
                     .init = add_context ? share : layer.bias.data(),
                     .init_stride = add_context ? share_stride() : 0,
                     .init_row = add_context ? impression_of_row : nullptr,
                     .y = y,
                     .y_stride = widest_stride_,
                     .relu = activate == nullptr,
                     .scratch = kernel_scratch});
    if (activate != nullptr) activate(layer.activation.alpha, rows, layer.outputs, widest_stride_, y);
    x = y;
    x_stride = widest_stride_;
  }
  const Layer& output = layers_.back();
  kernels_->heads(x, x_stride, output_weights_.data(), output.bias.data(), rows, output.inputs,
                  output.outputs, logits);
}

}  // namespace adscore::model

// The forward pass: the layers of a snapshot, packed for one kernel set, from encoded inputs to logits.
//
// Constant after construction and shared by threads; each thread brings its own ForwardScratch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/aligned.h"
#include "model/kernels/kernel_set.h"
#include "model/snapshot.h"

namespace adscore::model {

// Activations between layers, and what kernels make of them: grows to the largest batch seen, then allocates
// no more.
struct ForwardScratch {
  AlignedFloats activations[2];  // [rows][stride of the widest hidden layer], in turn
  AlignedFloats kernel;          // DenseArgs::scratch
};

// A row's stride in floats: whole cache lines.
inline size_t RowStride(size_t width) {
  constexpr size_t kLine = kAlignment / sizeof(float);
  return (width + kLine - 1) / kLine * kLine;
}

class ForwardPass {
 public:
  // Hidden layers, then the output layer. Of the first hidden layer's inputs the first
  // `context_inputs` belong to the context and are multiplied apart, once per impression; 0 if there is no
  // hidden layer. Packs the weights; the biases must outlive the pass.
  ForwardPass(std::span<const Layer> layers, size_t context_inputs, const KernelSet& kernels);

  size_t heads() const { return layers_.back().outputs; }
  // Floats from one impression's share to the next.
  size_t share_stride() const { return RowStride(layers_.front().outputs); }

  // What the contexts of some impressions add to the first layer, its bias included.
  // x: [impressions][x_stride], the context's inputs. share: [impressions][share_stride()].
  void ShareContexts(const float* x, size_t x_stride, size_t impressions, ForwardScratch* scratch,
                     float* share) const;

  // x: [rows][x_stride], all inputs, or with context_inputs > 0 those after the context's. Then share is what
  // ShareContexts made, and impression_of_row says which of it belongs to a row; otherwise both are null.
  // logits: [rows][heads()]. A row's logits do not depend on the rows beside it, bit for bit.
  void Run(const float* x, size_t x_stride, size_t rows, const float* share,
           const uint32_t* impression_of_row, ForwardScratch* scratch, float* logits) const;

 private:
  // What a call of its kernel needs to know that is the same for every call.
  struct HiddenLayer {
    const KernelSet* kernels;
    DenseArgs args;  // without rows, x, y, scratch and the context's share
    bool needs_scratch;
    ActivateKernel activate;  // null: none, or ReLU
    float alpha;
  };

  // Run, for rows that go through all layers together.
  void RunBlock(const float* x, size_t x_stride, size_t rows, const float* share,
                const uint32_t* impression_of_row, ForwardScratch* scratch, float* logits) const;

  const KernelSet& KernelsOf(size_t layer) const {
    return layer == 0 && kernels_->first_layer != nullptr ? *kernels_->first_layer : *kernels_;
  }

  const KernelSet* kernels_;
  std::vector<Layer> layers_;
  size_t context_inputs_;
  size_t widest_stride_ = 0;  // of the activations: the widest hidden layer's

  AlignedFloats weights_;            // all that follows, one after another
  const float* packed_context_;      // the first layer's rows for the context's inputs
  std::vector<HiddenLayer> hidden_;  // of the first one the rows after the context's
  const float* output_weights_;      // transposed: [heads][depth]
};

}  // namespace adscore::model

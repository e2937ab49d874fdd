// A hidden layer after another one, both of them wide: most of the work of a network that has such. Its
// products pass over what is 0 in the layer below and in what comes back (sparse_product.h).
//
// The gradient of its weights is summed over the two halves of a batch's rows, each by itself and in order,
// and then over both: whoever took a half of the rows forward and back has most of it in its cache, and the
// sums are the same, bit for bit, however many workers there are.
//
// With HalfKernels, the products of training are of numbers in half precision. If some are beyond that, who
// owns the layer is to do without, and to compute the batch anew.
//
// Not thread-safe: one owner. Shares of the weights, rows, and parts of the gradient may be worked on at the
// same time.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "model/aligned.h"
#include "trainer/active_units.h"
#include "trainer/half_product.h"
#include "trainer/parameters.h"
#include "trainer/workers.h"

namespace adscore::trainer {

class WideLayer {
 public:
  // From these widths on it pays to look for what is 0 in a layer's inputs.
  static bool Pays(size_t inputs, size_t outputs) { return inputs >= 128 && outputs >= 64; }

  // The first row of the second half; `rows` where there is none, since they are too few to be halved:
  // then that half has nothing to compute, and there is nothing to add.
  static size_t SecondHalf(size_t rows);

  // `halves`: null to do without. They are only used for layers that are wide enough for it to pay.
  WideLayer(size_t inputs, size_t outputs, const HalfKernels* halves);

  // Begins with other weights: for training, or to score rows in f32, from which there is no way back. Then
  // each worker's share in making those of `layer` the current ones.
  void Begin(bool scoring) { scoring_ = scoring; }
  void Use(const DenseLayer& layer, const Workers& workers, size_t worker);

  // Begins a batch of so many rows of training, whose deltas are multiplied by `delta_scale` in half
  // precision.
  void BeginBatch(size_t rows, float delta_scale);

  // For the rows [first, last) of a batch: y = x · W + bias, through ReLU if it says so. x: [rows of the
  // batch][inputs], of which `active` are on; y: [rows of the batch][outputs].
  void Forward(size_t first, size_t last, const float* x, const ActiveUnits& active, const float* bias,
               bool relu, float* y);
  // below = deltas · Wᵀ, for kActiveBits rows at most. `active`: of the deltas; null if it is not known.
  void Backward(size_t first, size_t last, const float* deltas, const ActiveUnits* active, float* below);

  // Of a half of the batch, the part of the gradient xᵀ · deltas that belongs to the inputs [first, last) of
  // active.order(), with x, `active` and deltas as they were given on the way forward and back.
  struct Part {
    size_t half = 0;
    size_t first = 0;
    size_t last = 0;
  };
  void Gradient(const Part& part, const float* x, const ActiveUnits& active, const float* deltas,
                DenseLayer* gradient);
  // The worker's share in adding the second half to what the first one has put into `gradient`, once both are
  // whole.
  void AddSecondHalf(const Workers& workers, size_t worker, DenseLayer* gradient) const;

  // Whether some number since the start was beyond half precision; and what is to be done then, before the
  // weights are used and the batch is computed anew.
  bool overflowed() const { return overflowed_.load(std::memory_order_relaxed); }
  void DoWithoutHalves();

 private:
  void MultiplyHalves(const HalfProduct& product);

  const size_t inputs_;
  const size_t outputs_;
  const HalfKernels* halves_;  // null: without
  bool scoring_ = false;
  size_t rows_ = 0;  // of the batch
  float delta_scale_ = 1;
  std::atomic<bool> overflowed_{false};
  model::AlignedFloats weights_;        // [inputs][SpreadStride(outputs)]
  model::AlignedFloats transposed_;     // [outputs][SpreadStride(inputs)]
  model::AlignedFloats spread_deltas_;  // [batch][SpreadStride(outputs)], if that is not just outputs
  model::AlignedFloats second_half_;    // [inputs][outputs]: of the gradient
  // In half precision:
  model::AlignedFloats half_weights_;     // Half: [inputs][HalfStride(outputs)]
  model::AlignedFloats half_transposed_;  // Half: [outputs][HalfStride(inputs)]
  model::AlignedFloats x_pairs_;          // HalfPair: [batch][inputs]
  model::AlignedFloats half_deltas_;      // Half: [batch][HalfStride(outputs)]
};

}  // namespace adscore::trainer

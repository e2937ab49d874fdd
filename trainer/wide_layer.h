// A hidden layer after another one, both of them wide: most of the work of a network that has such. Its
// products pass over what is 0 in the layer below and in what comes back (sparse_product.h).
//
// The gradient of its weights is summed over the two halves of a batch's rows, each by itself and in order,
// and then over both: whoever took a half of the rows forward and back has most of it in its cache, and the
// sums are the same, bit for bit, however many workers there are.
//
// Not thread-safe: one owner. Shares of the weights, rows, and parts of the gradient may be worked on at the
// same time.
#pragma once

#include <cstddef>

#include "model/aligned.h"
#include "trainer/active_units.h"
#include "trainer/parameters.h"
#include "trainer/workers.h"

namespace adscore::trainer {

class WideLayer {
 public:
  // From these widths on it pays to look for what is 0 in a layer's inputs.
  static bool Pays(size_t inputs, size_t outputs) { return inputs >= 128 && outputs >= 64; }

  // The first row of the second half; `rows` where there is none, since they are too few to be halved.
  static size_t SecondHalf(size_t rows);

  WideLayer(size_t inputs, size_t outputs);

  // The worker's share in making these weights the current ones.
  void Use(const DenseLayer& layer, const Workers& workers, size_t worker);

  // y = x · W + bias, through ReLU if it says so. x: [rows][inputs], `active` of it as in SparseProduct;
  // y: [rows][outputs].
  void Forward(size_t rows, const float* x, const uint64_t* active, const float* bias, bool relu,
               float* y) const;
  // below = deltas · Wᵀ. `active` of the deltas: null if it is not known.
  void Backward(size_t rows, const float* deltas, const uint64_t* active, float* below) const;

  // Of a half of a batch of `rows`, the part of the gradient xᵀ · deltas that belongs to the inputs
  // [first, last) of active.order(). x: [rows][inputs]; `active` of it; deltas: [rows][outputs].
  struct Part {
    size_t half = 0;
    size_t first = 0;
    size_t last = 0;
  };
  void Gradient(const Part& part, size_t rows, const float* x, const ActiveUnits& active, const float* deltas,
                DenseLayer* gradient);
  // The worker's share in adding the second half to what the first one has put into `gradient`, once both are
  // whole.
  void AddSecondHalf(size_t rows, const Workers& workers, size_t worker, DenseLayer* gradient) const;

 private:
  const size_t inputs_;
  const size_t outputs_;
  model::AlignedFloats weights_;      // [inputs][outputs]
  model::AlignedFloats transposed_;   // [outputs][inputs]
  model::AlignedFloats second_half_;  // [inputs][outputs]: of the gradient
};

}  // namespace adscore::trainer

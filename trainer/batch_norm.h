// Batch normalisation of a hidden layer (S. Ioffe, C. Szegedy, 2015): over the rows of a batch, each unit's
// sums are brought to mean 0 and deviation 1 before its bias is added.
//
//   z = x · W + bias     n = (z - mean) · scale, with scale = 1 ÷ √(variance + ε)     y = relu(n + bias)
//
// The bias within z cancels out. There is no factor to learn: ReLU hands it on to the next layer's weights,
// which are one already. Backwards, with d for the loss by n + bias:
//
//   dz = scale · (d - mean of d - n · mean of d · n)
//
// Mean and variance are known once all blocks of the batch's rows have been added; the order of adding up is
// that of the blocks. Once training is over they are constants, and the layer one without normalisation:
// Fold.
//
// Thread-safe as far as it says below; otherwise one owner.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "model/aligned.h"
#include "trainer/parameters.h"

namespace adscore::trainer {

class BatchNorm {
 public:
  explicit BatchNorm(size_t units) : units_(units), mean_(units), scale_(units), bias_gradient_(units) {}

  // Begins a batch of so many blocks of rows.
  void Begin(size_t blocks) { of_blocks_.assign(blocks * 2 * units_, 0); }
  // Adds z of a block's rows, [rows][units]. Different blocks at the same time.
  void AddBlock(size_t block, const float* sums, size_t rows);
  // After all of them, which have so many rows.
  void Finish(size_t rows);

  // Memory for n of so many rows.
  void Reserve(size_t rows) { normalised_.Reserve(rows * units_); }
  // z of the rows [first, last) of the batch becomes y: `values` is [rows of the batch][units]. Different
  // rows at the same time.
  void Forward(size_t first, size_t last, const float* bias, float* values);

  // The way back, in the same steps; `deltas` is [rows of the batch][units]. d of the rows [first, last),
  // which are a block:
  void AddDeltas(size_t block, size_t first, size_t last, const float* deltas);
  void FinishDeltas(size_t rows);
  // d becomes dz.
  void Backward(size_t first, size_t last, float* deltas) const;
  // Of the batch: the sums of d.
  std::span<const float> bias_gradient() const { return bias_gradient_; }

  // `layer` as one that gives y without normalisation, with the mean and variance of the last batch.
  void Fold(DenseLayer* layer) const;

 private:
  // The sums over all blocks of the two numbers that each unit has there.
  void AddUp(size_t unit, double* first, double* second) const;

  size_t units_;
  std::vector<float> mean_;
  std::vector<float> scale_;
  std::vector<double> of_blocks_;      // [blocks][2][units]: sums of z and z², then of d and d · n
  model::AlignedFloats normalised_;    // n: [rows of the batch][units]
  std::vector<float> mean_delta_{};    // means of d
  std::vector<float> mean_product_{};  // and of d · n
  std::vector<float> bias_gradient_;
};

}  // namespace adscore::trainer

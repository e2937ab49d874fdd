#include "trainer/wide_layer.h"

#include <algorithm>

#include "trainer/sparse_product.h"

namespace adscore::trainer {
namespace {

// Below, adding the halves up would cost more than it brings.
constexpr size_t kHalvedRows = 512;
constexpr size_t kLineFloats = model::kAlignment / sizeof(float);

}  // namespace

size_t WideLayer::SecondHalf(size_t rows) {
  return rows < kHalvedRows ? rows : rows / 2 / kActiveBits * kActiveBits;
}

WideLayer::WideLayer(size_t inputs, size_t outputs)
    : inputs_(inputs),
      outputs_(outputs),
      weights_(inputs * outputs),
      transposed_(inputs * outputs),
      second_half_(inputs * outputs) {}

void WideLayer::Use(const DenseLayer& layer, const Workers& workers, size_t worker) {
  const auto [first_input, last_input] = workers.Share(worker, inputs_, kLineFloats);
  std::copy(layer.weights.data() + first_input * outputs_, layer.weights.data() + last_input * outputs_,
            weights_.data() + first_input * outputs_);
  const auto [first, last] = workers.Share(worker, outputs_, kLineFloats);
  Transpose(layer.weights.data(), inputs_, outputs_, first, last, transposed_.data());
}

void WideLayer::Forward(size_t rows, const float* x, const uint64_t* active, const float* bias, bool relu,
                        float* y) const {
  Multiply({.rows = rows,
            .depth = inputs_,
            .columns = outputs_,
            .x = x,
            .x_row_stride = inputs_,
            .active = active,
            .w = weights_.data(),
            .w_stride = outputs_,
            .first = bias,
            .y = y,
            .y_stride = outputs_,
            .relu = relu});
}

void WideLayer::Backward(size_t rows, const float* deltas, const uint64_t* active, float* below) const {
  Multiply({.rows = rows,
            .depth = outputs_,
            .columns = inputs_,
            .x = deltas,
            .x_row_stride = outputs_,
            .active = active,
            .w = transposed_.data(),
            .w_stride = inputs_,
            .y = below,
            .y_stride = inputs_});
}

void WideLayer::Gradient(const Part& part, size_t rows, const float* x, const ActiveUnits& active,
                         const float* deltas, DenseLayer* gradient) {
  const size_t second = SecondHalf(rows);
  const size_t begin = part.half == 0 ? 0 : second;
  const size_t end = part.half == 0 ? second : rows;
  float* const y = part.half == 0 ? gradient->weights.data() : second_half_.data();
  for (size_t row = begin; row < end; row += kActiveBits) {
    Multiply({.rows = part.last - part.first,
              .depth = std::min(kActiveBits, end - row),
              .columns = outputs_,
              .order = active.order().data() + part.first,
              .x = x + row * inputs_,
              .x_row_stride = 1,  // the transpose, by reading the other way round
              .x_depth_stride = inputs_,
              .active = active.OfUnits(row),
              .w = deltas + row * outputs_,
              .w_stride = outputs_,
              .first = row > begin ? y : nullptr,  // added to the blocks before
              .first_stride = outputs_,
              .y = y,
              .y_stride = outputs_});
  }
}

void WideLayer::AddSecondHalf(size_t rows, const Workers& workers, size_t worker,
                              DenseLayer* gradient) const {
  if (SecondHalf(rows) == rows) return;
  const auto [first, last] = workers.Share(worker, gradient->weights.size(), kLineFloats);
  for (size_t i = first; i < last; ++i) gradient->weights[i] += second_half_.data()[i];
}

}  // namespace adscore::trainer

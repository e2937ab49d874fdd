#include "trainer/wide_layer.h"

#include <algorithm>
#include <memory>

#include "trainer/sparse_product.h"

namespace adscore::trainer {
namespace {

// Below, adding the halves up would cost more than it brings.
constexpr size_t kHalvedRows = 512;
// Rows of a batch whose share in a gradient is added up at a time, so that what is read of them stays near.
constexpr size_t kGradientRows = 2 * kActiveBits;
constexpr size_t kLineFloats = model::kAlignment / sizeof(float);

// The rows [first, last) of from: [rows][columns], to the same ones of to: [rows][SpreadStride(columns)].
void Spread(const float* from, size_t first, size_t last, size_t columns, float* to) {
  const size_t stride = SpreadStride(columns);
  for (size_t r = first; r < last; ++r) std::copy_n(from + r * columns, columns, to + r * stride);
}

}  // namespace

size_t WideLayer::SecondHalf(size_t rows) {
  return rows < kHalvedRows ? rows : rows / 2 / kActiveBits * kActiveBits;
}

WideLayer::WideLayer(size_t inputs, size_t outputs, const HalfKernels* halves)
    : inputs_(inputs),
      outputs_(outputs),
      halves_(std::min(inputs, outputs) < kLeastHalfWidth ? nullptr : halves),
      weights_(inputs * SpreadStride(outputs)),
      transposed_(outputs * SpreadStride(inputs)),
      second_half_(inputs * outputs) {
  if (halves_ == nullptr) return;
  ReserveHalves(inputs * HalfStride(outputs), &half_weights_);
  std::fill_n(ReserveHalves(outputs * HalfStride(inputs), &half_transposed_), outputs * HalfStride(inputs),
              Half{0});
}

void WideLayer::BeginBatch(size_t rows, float delta_scale) {
  rows_ = rows;
  delta_scale_ = delta_scale;
  if (halves_ == nullptr) {
    if (SpreadStride(outputs_) != outputs_) spread_deltas_.Reserve(rows * SpreadStride(outputs_));
    return;
  }
  ReservePairs(rows * inputs_, &x_pairs_);
  ReserveHalves(rows * HalfStride(outputs_), &half_deltas_);
}

void WideLayer::DoWithoutHalves() {
  halves_ = nullptr;
  overflowed_ = false;
}

void WideLayer::Use(const DenseLayer& layer, const Workers& workers, size_t worker) {
  const auto [first, last] = workers.Share(worker, inputs_, kHalfLanes);
  if (halves_ != nullptr && !scoring_) {
    Half* const halves = Halves(&half_weights_) + first * HalfStride(outputs_);
    halves_->to_halves(layer.weights.data() + first * outputs_, 1, last - first, outputs_, halves);
    halves_->transpose(halves, HalfStride(outputs_), last - first, outputs_,
                       Halves(&half_transposed_) + first, HalfStride(inputs_));
    return;
  }
  Spread(layer.weights.data(), first, last, outputs_, weights_.data());
  if (scoring_) return;
  const auto [first_output, last_output] = workers.Share(worker, outputs_, kLineFloats);
  Transpose(layer.weights.data(), inputs_, outputs_, first_output, last_output, transposed_.data(),
            SpreadStride(inputs_));
}

void WideLayer::Forward(size_t first, size_t last, const float* x, const ActiveUnits& active,
                        const float* bias, bool relu, float* y) {
  if (halves_ == nullptr || scoring_) {
    return Multiply({.rows = last - first,
                     .depth = inputs_,
                     .columns = outputs_,
                     .x = x + first * inputs_,
                     .x_row_stride = inputs_,
                     .active = active.OfRows(first),
                     .w = weights_.data(),
                     .w_stride = SpreadStride(outputs_),
                     .first = bias,
                     .y = y + first * outputs_,
                     .y_stride = outputs_,
                     .relu = relu});
  }
  HalfPair* const pairs = Pairs(&x_pairs_) + first * inputs_;
  halves_->to_pairs(x + first * inputs_, 1, (last - first) * inputs_, pairs);
  MultiplyHalves({{.rows = last - first,
                   .depth = inputs_,
                   .columns = outputs_,
                   .x = pairs,
                   .x_row_stride = inputs_,
                   .active = active.OfRows(first),
                   .w = Halves(&half_weights_),
                   .w_stride = HalfStride(outputs_),
                   .first = bias,
                   .y = y + first * outputs_,
                   .y_stride = outputs_,
                   .relu = relu}});
}

void WideLayer::Backward(size_t first, size_t last, const float* deltas, const ActiveUnits* active,
                         float* below) {
  if (halves_ == nullptr) {
    if (SpreadStride(outputs_) != outputs_) Spread(deltas, first, last, outputs_, spread_deltas_.data());
    return Multiply({.rows = last - first,
                     .depth = outputs_,
                     .columns = inputs_,
                     .x = deltas + first * outputs_,
                     .x_row_stride = outputs_,
                     .active = active == nullptr ? ActiveBits{} : active->OfRows(first),
                     .w = transposed_.data(),
                     .w_stride = SpreadStride(inputs_),
                     .y = below + first * inputs_,
                     .y_stride = inputs_});
  }
  deltas += first * outputs_;
  const size_t rows = last - first;
  halves_->to_halves(deltas, delta_scale_, rows, outputs_,
                     Halves(&half_deltas_) + first * HalfStride(outputs_));
  const auto pairs = std::make_unique_for_overwrite<HalfPair[]>(rows * outputs_);
  halves_->to_pairs(deltas, delta_scale_, rows * outputs_, pairs.get());
  MultiplyHalves({{.rows = rows,
                   .depth = outputs_,
                   .columns = inputs_,
                   .x = pairs.get(),
                   .x_row_stride = outputs_,
                   .active = active == nullptr ? ActiveBits{} : active->OfRows(first),
                   .w = Halves(&half_transposed_),
                   .w_stride = HalfStride(inputs_),
                   .y = below + first * inputs_,
                   .y_stride = inputs_},
                  1 / delta_scale_});
}

void WideLayer::Gradient(const Part& part, const float* x, const ActiveUnits& active, const float* deltas,
                         DenseLayer* gradient) {
  const size_t second = SecondHalf(rows_);
  const size_t begin = part.half == 0 ? 0 : second;
  const size_t end = part.half == 0 ? second : rows_;
  float* const y = part.half == 0 ? gradient->weights.data() : second_half_.data();
  for (size_t row = begin; row < end; row += kGradientRows) {
    // Transposes x by reading it the other way round, and adds to the rows before.
    const auto fill = [&](auto* product) {
      product->rows = part.last - part.first;
      product->depth = std::min(kGradientRows, end - row);
      product->columns = outputs_;
      product->order = active.order().data() + part.first;
      product->x_row_stride = 1;
      product->x_depth_stride = inputs_;
      product->active = active.OfUnits(row);
      product->first = row > begin ? y : nullptr;
      product->first_stride = outputs_;
      product->y = y;
      product->y_stride = outputs_;
    };
    if (halves_ == nullptr) {
      const size_t stride = SpreadStride(outputs_);
      const float* const spread = stride == outputs_ ? deltas : spread_deltas_.data();
      SparseProduct product{.x = x + row * inputs_, .w = spread + row * stride, .w_stride = stride};
      fill(&product);
      Multiply(product);
    } else {
      HalfProduct product{{.x = Pairs(&x_pairs_) + row * inputs_,
                           .w = Halves(&half_deltas_) + row * HalfStride(outputs_),
                           .w_stride = HalfStride(outputs_)},
                          1 / delta_scale_};
      fill(&product);
      MultiplyHalves(product);
    }
  }
}

void WideLayer::MultiplyHalves(const HalfProduct& product) {
  if (!halves_->multiply(product)) overflowed_.store(true, std::memory_order_relaxed);
}

void WideLayer::AddSecondHalf(const Workers& workers, size_t worker, DenseLayer* gradient) const {
  if (SecondHalf(rows_) == rows_) return;
  const auto [first, last] = workers.Share(worker, gradient->weights.size(), kLineFloats);
  for (size_t i = first; i < last; ++i) gradient->weights[i] += second_half_.data()[i];
}

}  // namespace adscore::trainer

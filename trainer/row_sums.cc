#include "trainer/row_sums.h"

// As in model/kernels/kernel_set.cc: AVX3_DL would be the same code again, and vectors of unknown length
// can't be held in arrays.
#define HWY_DISABLED_TARGETS (HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "trainer/row_sums.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace adscore::trainer::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Floats = hn::ScalableTag<float>;

// kVectors vectors of columns from `column` on, in registers for all rows of a list.
template <size_t kVectors>
HWY_INLINE void SumColumns(const float* first, std::span<const WeightedRow> rows, const float* values,
                           size_t stride, size_t column, float* to) {
  const Floats d;
  constexpr size_t kLanes = HWY_MAX_BYTES / sizeof(float);
  hn::Vec<Floats> sum[kVectors];
#pragma GCC unroll 8
  for (size_t v = 0; v < kVectors; ++v) {
    sum[v] = first == nullptr ? hn::Zero(d) : hn::LoadU(d, first + column + v * kLanes);
  }
  for (const WeightedRow& row : rows) {
    const auto factor = hn::Set(d, row.factor);
    const float* const from = values + row.at * stride + column;
#pragma GCC unroll 8
    for (size_t v = 0; v < kVectors; ++v)
      sum[v] = hn::MulAdd(factor, hn::LoadU(d, from + v * kLanes), sum[v]);
  }
#pragma GCC unroll 8
  for (size_t v = 0; v < kVectors; ++v) hn::StoreU(sum[v], d, to + column + v * kLanes);
}

// As many columns as whole vectors fill, kVectors at a time and then what is left; returns where it ended.
template <size_t kVectors>
HWY_INLINE size_t SumWholeVectors(const float* first, std::span<const WeightedRow> rows, const float* values,
                                  size_t stride, size_t columns, size_t c, float* to) {
  constexpr size_t kTogether = kVectors * HWY_MAX_BYTES / sizeof(float);
  for (; c + kTogether <= columns; c += kTogether) SumColumns<kVectors>(first, rows, values, stride, c, to);
  if constexpr (kVectors > 1) {
    c = SumWholeVectors<kVectors - 1>(first, rows, values, stride, columns, c, to);
  }
  return c;
}

}  // namespace

void SumRowsOnTarget(const RowLists& lists, const float* first, const float* values, size_t stride,
                     size_t columns, float* to, size_t to_stride) {
  for (size_t i = 0; i < lists.size(); ++i, to += to_stride) {
    const std::span<const WeightedRow> rows(lists.rows + lists.begin[i], lists.begin[i + 1] - lists.begin[i]);
    for (size_t c = SumWholeVectors<8>(first, rows, values, stride, columns, 0, to); c < columns; ++c) {
      float sum = first == nullptr ? 0.0F : first[c];
      for (const WeightedRow& row : rows) sum += row.factor * values[row.at * stride + c];
      to[c] = sum;
    }
  }
}

void PassBackOnTarget(const float* outputs, float scale, size_t count, float* deltas) {
  const auto pass = [&](auto d, size_t i) HWY_ATTR {
    const auto on = hn::Gt(hn::LoadU(d, outputs + i), hn::Zero(d));
    hn::StoreU(hn::IfThenElseZero(on, hn::Mul(hn::LoadU(d, deltas + i), hn::Set(d, scale))), d, deltas + i);
  };
  size_t i = 0;
  for (; i + hn::Lanes(Floats()) <= count; i += hn::Lanes(Floats())) pass(Floats(), i);
  for (; i < count; ++i) pass(hn::CappedTag<float, 1>(), i);
}

}  // namespace adscore::trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace adscore::trainer {

HWY_EXPORT(SumRowsOnTarget);
HWY_EXPORT(PassBackOnTarget);

void SumRows(const RowLists& lists, const float* first, const float* values, size_t values_stride,
             size_t columns, float* to, size_t to_stride) {
  HWY_DYNAMIC_DISPATCH(SumRowsOnTarget)(lists, first, values, values_stride, columns, to, to_stride);
}

void PassBack(const float* outputs, float scale, size_t count, float* deltas) {
  HWY_DYNAMIC_DISPATCH(PassBackOnTarget)(outputs, scale, count, deltas);
}

}  // namespace adscore::trainer
#endif  // HWY_ONCE

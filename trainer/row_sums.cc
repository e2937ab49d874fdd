#include "trainer/row_sums.h"

#include <utility>

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

// kVectors vectors of columns from `column` on, in registers for all rows.
template <size_t kVectors>
HWY_INLINE void SumColumns(const float* first, std::span<const WeightedRow> rows, size_t column, float* to) {
  const Floats d;
  constexpr size_t kLanes = HWY_MAX_BYTES / sizeof(float);
  hn::Vec<Floats> sum[kVectors];
#pragma GCC unroll 8
  for (size_t v = 0; v < kVectors; ++v) {
    sum[v] = first == nullptr ? hn::Zero(d) : hn::LoadU(d, first + column + v * kLanes);
  }
  for (const WeightedRow& row : rows) {
    const auto weight = hn::Set(d, row.weight);
#pragma GCC unroll 8
    for (size_t v = 0; v < kVectors; ++v) {
      sum[v] = hn::MulAdd(weight, hn::LoadU(d, row.values + column + v * kLanes), sum[v]);
    }
  }
#pragma GCC unroll 8
  for (size_t v = 0; v < kVectors; ++v) hn::StoreU(sum[v], d, to + column + v * kLanes);
}

}  // namespace

void SumRowsOnTarget(const float* first, std::span<const WeightedRow> rows, size_t columns, float* to) {
  constexpr size_t kLanes = HWY_MAX_BYTES / sizeof(float);
  size_t c = 0;
  for (; c + 8 * kLanes <= columns; c += 8 * kLanes) SumColumns<8>(first, rows, c, to);
  if (c + 4 * kLanes <= columns) SumColumns<4>(first, rows, std::exchange(c, c + 4 * kLanes), to);
  if (c + 2 * kLanes <= columns) SumColumns<2>(first, rows, std::exchange(c, c + 2 * kLanes), to);
  if (c + kLanes <= columns) SumColumns<1>(first, rows, std::exchange(c, c + kLanes), to);
  for (; c < columns; ++c) {
    float sum = first == nullptr ? 0.0F : first[c];
    for (const WeightedRow& row : rows) sum += row.weight * row.values[c];
    to[c] = sum;
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

void SumRows(const float* first, std::span<const WeightedRow> rows, size_t columns, float* to) {
  HWY_DYNAMIC_DISPATCH(SumRowsOnTarget)(first, rows, columns, to);
}

void PassBack(const float* outputs, float scale, size_t count, float* deltas) {
  HWY_DYNAMIC_DISPATCH(PassBackOnTarget)(outputs, scale, count, deltas);
}

}  // namespace adscore::trainer
#endif  // HWY_ONCE

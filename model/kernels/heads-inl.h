// The output layer: a dot per row and head, from the last activations to logits. Compiled once per
// instruction set: included by kernel_set.cc, and by nothing else.
//
// Thread-safe: pure functions.
#if defined(ADSCORE_MODEL_KERNELS_HEADS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ADSCORE_MODEL_KERNELS_HEADS_INL_H_
#undef ADSCORE_MODEL_KERNELS_HEADS_INL_H_
#else
#define ADSCORE_MODEL_KERNELS_HEADS_INL_H_
#endif

#include <hwy/highway.h>

#include "model/kernels/dense-inl.h"

HWY_BEFORE_NAMESPACE();
namespace adscore::model::HWY_NAMESPACE {
namespace {

// The bias and the products of a dot, spread over a vector: four vectors of partial sums, whatever the batch,
// hide the latency of the additions, and always in the same order.
HWY_INLINE Vector DotLanes(const float* x, const float* w, size_t depth, float bias) {
  const Floats d;
  Vector sum0 = hn::IfThenElseZero(hn::FirstN(d, 1), hn::Set(d, bias));
  Vector sum1 = hn::Zero(d), sum2 = hn::Zero(d), sum3 = hn::Zero(d);
  const auto whole = [&](size_t at, Vector sum)
                         HWY_ATTR { return hn::MulAdd(hn::LoadU(d, x + at), hn::LoadU(d, w + at), sum); };
  size_t k = 0;
  for (; k + 4 * kLanes <= depth; k += 4 * kLanes) {
    sum0 = whole(k, sum0);
    sum1 = whole(k + kLanes, sum1);
    sum2 = whole(k + 2 * kLanes, sum2);
    sum3 = whole(k + 3 * kLanes, sum3);
  }
  const size_t left = depth - k;
  if (left >= kLanes) sum0 = whole(k, sum0);
  if (left >= 2 * kLanes) sum1 = whole(k + kLanes, sum1);
  if (left >= 3 * kLanes) sum2 = whole(k + 2 * kLanes, sum2);
  if (const size_t part = left % kLanes; part > 0) {
    k = depth - part;
    sum3 = hn::MulAdd(LoadPart(x + k, part), LoadPart(w + k, part), sum3);
  }
  return hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3));
}

// The blocks of four lanes that a vector is made of, added up.
template <typename D>
HWY_INLINE auto SumOfBlocks(D d, hn::Vec<D> v) {
  if constexpr (hn::MaxLanes(d) <= 4) {
    return v;
  } else {
    const hn::Half<D> half;
    return SumOfBlocks(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
}

// The sum of all lanes: in each block (0 + 2) + (1 + 3), then the blocks.
HWY_INLINE float SumOfLanes(Vector v) {
  v = hn::Add(v, hn::Shuffle1032(v));
  v = hn::Add(v, hn::Shuffle2301(v));
  return hn::GetLane(SumOfBlocks(Floats(), v));
}

// The same of four vectors at once, in as many steps.
HWY_INLINE void SumsOfLanes(const Vector (&v)[4], float (&sums)[4]) {
  const Floats d;
  const hn::Repartition<double, Floats> pairs;
  const auto both = [&](Vector a, Vector b) HWY_ATTR {
    return hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b));
  };
  const auto v01 = hn::BitCast(pairs, both(v[0], v[1]));
  const auto v23 = hn::BitCast(pairs, both(v[2], v[3]));
  const Vector all = hn::Add(hn::BitCast(d, hn::InterleaveLower(pairs, v01, v23)),
                             hn::BitCast(d, hn::InterleaveUpper(pairs, v01, v23)));
  hn::StoreU(SumOfBlocks(d, all), hn::CappedTag<float, 4>(), sums);
}

void Heads(const float* x, size_t x_row_stride, const float* w, const float* bias, size_t rows, size_t depth,
           size_t heads, float* y) {
  for (size_t h = 0; h < heads; ++h) {
    size_t r = 0;
    for (; r + 4 <= rows; r += 4) {
      Vector lanes[4];
      float sums[4];
#pragma GCC unroll 4
      for (size_t i = 0; i < 4; ++i) {
        lanes[i] = DotLanes(x + (r + i) * x_row_stride, w + h * depth, depth, bias[h]);
      }
      SumsOfLanes(lanes, sums);
      for (size_t i = 0; i < 4; ++i) y[(r + i) * heads + h] = sums[i];
    }
    for (; r < rows; ++r) {
      y[r * heads + h] = SumOfLanes(DotLanes(x + r * x_row_stride, w + h * depth, depth, bias[h]));
    }
  }
}

}  // namespace
}  // namespace adscore::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard

// The last step from logits to probabilities, compiled once per instruction set: included by kernel_set.cc,
// and by nothing else.
//
// Thread-safe: pure functions.
#if defined(ADSCORE_MODEL_KERNELS_SIGMOID_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ADSCORE_MODEL_KERNELS_SIGMOID_INL_H_
#undef ADSCORE_MODEL_KERNELS_SIGMOID_INL_H_
#else
#define ADSCORE_MODEL_KERNELS_SIGMOID_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace adscore::model::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// exp(-a) for a >= 0, as part * scale, where scale is a power of two: -a log2 e = n + r with |r| <= 1/2, then
// the Taylor series of 2^r, whose first term left out is below 1e-17, times 2^n. Of use up to
// kLargestExponent alone, where exp(-a) is far below the smallest float.
template <typename V>
struct ExpParts {
  V part;
  V scale;
};

constexpr double kLargestExponent = 708;

template <typename D, typename V = hn::Vec<D>>
HWY_INLINE ExpParts<V> PartsOfExpOfMinus(D d, V a) {
  const hn::RebindToUnsigned<D> du;
  const V minus_log2_e = hn::Set(d, -0x1.71547652b82fep0);
  // Adding and taking off 1.5 * 2^52 rounds to an integer; the sum's low bits are that integer.
  const V magic = hn::Set(d, 0x1.8p52);
  const V shifted = hn::MulAdd(a, minus_log2_e, magic);
  const V r = hn::MulSub(a, minus_log2_e, hn::Sub(shifted, magic));

  // (ln 2)^k / k!
  constexpr double kSeries[14] = {1.0,
                                  0x1.62e42fefa39efp-1,
                                  0x1.ebfbdff82c58fp-3,
                                  0x1.c6b08d704a0c0p-5,
                                  0x1.3b2ab6fba4e77p-7,
                                  0x1.5d87fe78a6731p-10,
                                  0x1.430912f86c787p-13,
                                  0x1.ffcbfc588b0c7p-17,
                                  0x1.62c0223a5c824p-20,
                                  0x1.b5253d395e7c4p-24,
                                  0x1.e4cf5158b8ecap-28,
                                  0x1.e8cac7351bb25p-32,
                                  0x1.c3bd650fc2986p-36,
                                  0x1.816193166d0f9p-40};
  // By Estrin's scheme, c0 + c1 r and so on in pairs, pairs of pairs with r^2, …: a single row has nothing
  // else to wait with.
  V part[7];
#pragma GCC unroll 8
  for (size_t i = 0; i < 7; ++i) {
    part[i] = hn::MulAdd(hn::Set(d, kSeries[2 * i + 1]), r, hn::Set(d, kSeries[2 * i]));
  }
  const V r2 = hn::Mul(r, r);
  const V r4 = hn::Mul(r2, r2);
  const V r8 = hn::Mul(r4, r4);
  const V low = hn::MulAdd(hn::MulAdd(part[3], r2, part[2]), r4, hn::MulAdd(part[1], r2, part[0]));
  const V high = hn::MulAdd(part[6], r4, hn::MulAdd(part[5], r2, part[4]));

  const auto exponent = hn::ShiftLeft<52>(hn::Add(hn::BitCast(du, shifted), hn::Set(du, 1023)));
  return {hn::MulAdd(high, r8, low), hn::BitCast(d, exponent)};
}

// exp(-a) for a >= 0; 0 where it is far below the smallest float, NaN of NaN.
template <typename D, typename V = hn::Vec<D>>
HWY_INLINE V ExpOfMinus(D d, V a) {
  const ExpParts<V> exp = PartsOfExpOfMinus(d, a);
  return hn::IfThenZeroElse(hn::Gt(a, hn::Set(d, kLargestExponent)), hn::Mul(exp.part, exp.scale));
}

// With e = exp(-|z|), which can't overflow: e / (1 + e) for z < 0, 1 / (1 + e) otherwise. Neither loses
// digits.
template <typename D, typename V = hn::Vec<D>>
HWY_INLINE V SigmoidOf(D d, V z) {
  const V one = hn::Set(d, 1.0);
  const V a = hn::Abs(z);
  const ExpParts<V> exp = PartsOfExpOfMinus(d, a);
  const auto tiny = hn::Gt(a, hn::Set(d, kLargestExponent));
  const V e = hn::IfThenZeroElse(tiny, hn::Mul(exp.part, exp.scale));
  const V one_plus_e = hn::IfThenElse(tiny, one, hn::MulAdd(exp.part, exp.scale, one));
  return hn::Div(hn::IfThenElse(hn::Lt(z, hn::Zero(d)), e, one), one_plus_e);
}

// The probabilities from `i` on, a vector of `d` at a time; returns where fewer than that are left.
template <typename D>
HWY_INLINE size_t SigmoidsFrom(D d, size_t i, const float* logits, const double* slope, const double* offset,
                               size_t count, float* probabilities) {
  const hn::Rebind<float, D> df;
  const size_t lanes = hn::Lanes(d);
  for (; i + lanes <= count; i += lanes) {
    const auto x = hn::PromoteTo(d, hn::LoadU(df, logits + i));
    const auto z = hn::MulAdd(x, hn::LoadU(d, slope + i), hn::LoadU(d, offset + i));
    hn::StoreU(hn::DemoteTo(df, SigmoidOf(d, z)), df, probabilities + i);
  }
  return i;
}

void Sigmoids(const float* logits, const double* slope, const double* offset, size_t count,
              float* probabilities) {
  const size_t i = SigmoidsFrom(hn::ScalableTag<double>(), 0, logits, slope, offset, count, probabilities);
  SigmoidsFrom(hn::CappedTag<double, 1>(), i, logits, slope, offset, count, probabilities);
}

}  // namespace
}  // namespace adscore::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard

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

// exp(t) for t in [-708, 0]: t = n ln 2 + r with |r| <= ln 2 / 2, then the Taylor series of exp(r), whose
// first term left out is below 1e-17, times 2^n.
template <typename D, typename V = hn::Vec<D>>
HWY_INLINE V ExpOfNegative(D d, V t) {
  const hn::RebindToUnsigned<D> du;
  // Adding and taking off 1.5 * 2^52 rounds to an integer; the sum's low bits are that integer.
  const V magic = hn::Set(d, 0x1.8p52);
  const V shifted = hn::MulAdd(t, hn::Set(d, 0x1.71547652b82fep0), magic);
  const V n = hn::Sub(shifted, magic);
  // ln 2 in two parts, the first with so few bits that n times it is exact.
  V r = hn::NegMulAdd(n, hn::Set(d, 0x1.62e42fefa0000p-1), t);
  r = hn::NegMulAdd(n, hn::Set(d, 0x1.cf79abc9e3b3ap-40), r);

  constexpr double kInverseFactorials[16] = {1.0,
                                             1.0,
                                             0.5,
                                             1.0 / 6,
                                             1.0 / 24,
                                             1.0 / 120,
                                             1.0 / 720,
                                             1.0 / 5040,
                                             1.0 / 40320,
                                             1.0 / 362880,
                                             1.0 / 3628800,
                                             1.0 / 39916800,
                                             1.0 / 479001600,
                                             1.0 / 6227020800};
  // By Estrin's scheme, c0 + c1 r and so on in pairs, pairs of pairs with r^2, …: a single row has nothing
  // else to wait with.
  V part[8];
  V power = r;
#pragma GCC unroll 8
  for (size_t i = 0; i < 7; ++i) {
    part[i] = hn::MulAdd(hn::Set(d, kInverseFactorials[2 * i + 1]), r, hn::Set(d, kInverseFactorials[2 * i]));
  }
  part[7] = hn::Zero(d);
#pragma GCC unroll 8
  for (size_t parts = 4; parts > 0; parts /= 2) {
    power = hn::Mul(power, power);
#pragma GCC unroll 8
    for (size_t i = 0; i < parts; ++i) part[i] = hn::MulAdd(part[2 * i + 1], power, part[2 * i]);
  }

  const auto exponent = hn::ShiftLeft<52>(hn::Add(hn::BitCast(du, shifted), hn::Set(du, 1023)));
  return hn::Mul(part[0], hn::BitCast(d, exponent));
}

// With e = exp(-|z|), which can't overflow: e / (1 + e) for z < 0, 1 / (1 + e) otherwise. Neither loses
// digits.
template <typename D, typename V = hn::Vec<D>>
HWY_INLINE V SigmoidOf(D d, V z) {
  const V one = hn::Set(d, 1.0);
  // Below -708 the probability is far below the smallest float.
  const V t = hn::Neg(hn::Min(hn::Abs(z), hn::Set(d, 708.0)));
  const V e = ExpOfNegative(d, t);
  const V p = hn::Div(hn::IfThenElse(hn::Lt(z, hn::Zero(d)), e, one), hn::Add(one, e));
  return hn::IfThenElse(hn::IsNaN(z), z, p);
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

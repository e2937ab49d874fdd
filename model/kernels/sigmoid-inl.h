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
using Doubles = hn::ScalableTag<double>;
using HalfFloats = hn::Rebind<float, Doubles>;  // as many floats as a vector has doubles
using DoubleVector = hn::Vec<Doubles>;

// exp(t) for t in [-708, 0]: t = n ln 2 + r with |r| <= ln 2 / 2, then the Taylor series of exp(r), whose
// first term left out is below 1e-17, times 2^n.
HWY_INLINE DoubleVector ExpOfNegative(DoubleVector t) {
  const Doubles d;
  const hn::RebindToUnsigned<Doubles> du;
  // Adding and taking off 1.5 * 2^52 rounds to an integer; the sum's low bits are that integer.
  const DoubleVector magic = hn::Set(d, 0x1.8p52);
  const DoubleVector shifted = hn::MulAdd(t, hn::Set(d, 0x1.71547652b82fep0), magic);
  const DoubleVector n = hn::Sub(shifted, magic);
  // ln 2 in two parts, the first with so few bits that n times it is exact.
  DoubleVector r = hn::NegMulAdd(n, hn::Set(d, 0x1.62e42fefa0000p-1), t);
  r = hn::NegMulAdd(n, hn::Set(d, 0x1.cf79abc9e3b3ap-40), r);

  constexpr double kInverseFactorials[] = {
      1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
      1.0 / 720,        1.0 / 120,       1.0 / 24,       1.0 / 6,       0.5,          1.0,         1.0};
  DoubleVector sum = hn::Set(d, kInverseFactorials[0]);
#pragma GCC unroll 16
  for (size_t i = 1; i < 14; ++i) sum = hn::MulAdd(sum, r, hn::Set(d, kInverseFactorials[i]));

  const auto exponent = hn::ShiftLeft<52>(hn::Add(hn::BitCast(du, shifted), hn::Set(du, 1023)));
  return hn::Mul(sum, hn::BitCast(d, exponent));
}

// With e = exp(-|z|), which can't overflow: e / (1 + e) for z < 0, 1 / (1 + e) otherwise. Neither loses
// digits.
HWY_INLINE DoubleVector SigmoidOf(DoubleVector z) {
  const Doubles d;
  const DoubleVector one = hn::Set(d, 1.0);
  // Below -708 the probability is far below the smallest float.
  const DoubleVector t = hn::Neg(hn::Min(hn::Abs(z), hn::Set(d, 708.0)));
  const DoubleVector e = ExpOfNegative(t);
  const DoubleVector p = hn::Div(hn::IfThenElse(hn::Lt(z, hn::Zero(d)), e, one), hn::Add(one, e));
  return hn::IfThenElse(hn::IsNaN(z), z, p);
}

void Sigmoids(const float* logits, const double* slope, const double* offset, size_t count,
              float* probabilities) {
  const Doubles d;
  const HalfFloats df;
  const size_t lanes = hn::Lanes(d);
  const auto run = [&](const float* x, const double* a, const double* b, float* p) {
    const DoubleVector z = hn::MulAdd(hn::PromoteTo(d, hn::LoadU(df, x)), hn::LoadU(d, a), hn::LoadU(d, b));
    hn::StoreU(hn::DemoteTo(df, SigmoidOf(z)), df, p);
  };
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) run(logits + i, slope + i, offset + i, probabilities + i);
  if (i == count) return;
  constexpr size_t kMost = HWY_MAX_BYTES / sizeof(double);
  float x[kMost] = {};
  double a[kMost] = {};
  double b[kMost] = {};
  for (size_t k = i; k < count; ++k) {
    x[k - i] = logits[k];
    a[k - i] = slope[k];
    b[k - i] = offset[k];
  }
  run(x, a, b, x);
  for (size_t k = i; k < count; ++k) probabilities[k] = x[k - i];
}

}  // namespace
}  // namespace adscore::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard

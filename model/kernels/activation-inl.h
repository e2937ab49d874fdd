// The activations other than ReLU, which the dense kernel has built in: a pass of their own over what it has
// written. Compiled once per instruction set: included by kernel_set.cc, and by nothing else.
//
// All arithmetic is in double precision, whose roundings vanish in the float that comes out; the same steps
// for every lane, so that a number's result does not depend on where in a row it stands.
//
// Thread-safe: pure functions.
#if defined(ADSCORE_MODEL_KERNELS_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ADSCORE_MODEL_KERNELS_ACTIVATION_INL_H_
#undef ADSCORE_MODEL_KERNELS_ACTIVATION_INL_H_
#else
#define ADSCORE_MODEL_KERNELS_ACTIVATION_INL_H_
#endif

#include <hwy/highway.h>

#include "model/activation.h"
#include "model/kernels/kernel_set.h"
#include "model/kernels/sigmoid-inl.h"

HWY_BEFORE_NAMESPACE();
namespace adscore::model::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// c[0] + c[1] x + …
template <size_t kTerms, typename D, typename V = hn::Vec<D>>
HWY_INLINE V Polynomial(D d, const double (&c)[kTerms], V x) {
  V sum = hn::Set(d, c[kTerms - 1]);
#pragma GCC unroll 16
  for (size_t i = kTerms - 1; i > 0; --i) sum = hn::MulAdd(sum, x, hn::Set(d, c[i - 1]));
  return sum;
}

// One struct each: x → y, in double precision. What is below 0 differs from what is above in most of them.
struct LeakyReluOf {
  template <typename D, typename V = hn::Vec<D>>
  static HWY_INLINE V Of(D d, V x, V alpha) {
    return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Mul(alpha, x), x);
  }
};

struct EluOf {
  template <typename D, typename V = hn::Vec<D>>
  static HWY_INLINE V Of(D d, V x, V alpha) {
    const V below = hn::Mul(alpha, hn::Sub(ExpOfMinus(d, hn::Abs(x)), hn::Set(d, 1.0)));
    return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), below, x);
  }
};

struct SeluOf {
  template <typename D, typename V = hn::Vec<D>>
  static HWY_INLINE V Of(D d, V x, V /*alpha*/) {
    return hn::Mul(EluOf::Of(d, x, hn::Set(d, kSeluAlpha)), hn::Set(d, kSeluScale));
  }
};

struct SigmoidActivation {
  template <typename D, typename V = hn::Vec<D>>
  static HWY_INLINE V Of(D d, V x, V /*alpha*/) {
    return SigmoidOf(d, x);
  }
};

// (1 - e) / (1 + e) with e = exp(-2 |x|), and the sign of x.
struct TanhOf {
  template <typename D, typename V = hn::Vec<D>>
  static HWY_INLINE V Of(D d, V x, V /*alpha*/) {
    const V one = hn::Set(d, 1.0);
    const V magnitude = hn::Abs(x);
    const V e = ExpOfMinus(d, hn::Add(magnitude, magnitude));
    const V y = hn::Div(hn::Sub(one, e), hn::Add(one, e));
    // Where 1 - e would lose digits, the next term of the series of tanh is below a float's last one.
    const V small = hn::NegMulAdd(hn::Mul(x, hn::Mul(x, x)), hn::Set(d, 1.0 / 3), x);
    return hn::IfThenElse(hn::Lt(magnitude, hn::Set(d, 1e-3)), small, hn::CopySign(y, x));
  }
};

// max(x, 0) + ln(1 + e) with e = exp(-|x|), and ln(1 + e) = 2 artanh(s) with s = e / (2 + e) <= 1/3.
struct SoftplusOf {
  template <typename D, typename V = hn::Vec<D>>
  static HWY_INLINE V Of(D d, V x, V /*alpha*/) {
    constexpr double kSeries[12] = {2.0,      2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9,  2.0 / 11,
                                    2.0 / 13, 2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21, 2.0 / 23};
    const V e = ExpOfMinus(d, hn::Abs(x));
    const V s = hn::Div(e, hn::Add(e, hn::Set(d, 2.0)));
    const V log = hn::Mul(s, Polynomial(d, kSeries, hn::Mul(s, s)));
    return hn::Add(hn::IfThenElseZero(hn::Gt(x, hn::Zero(d)), x), log);
  }
};

// x times Phi(x), where Phi(-z sqrt 2) = erfc(z) / 2. exp(z^2) erfc(z) / t with t = 1 / (1 + z / 2) is smooth
// for all z >= 0: here by Chebyshev's polynomials in 2 t - 1 up to degree 12, 2e-9 off at most.
struct GeluOf {
  template <typename D, typename V = hn::Vec<D>>
  static HWY_INLINE V Of(D d, V x, V /*alpha*/) {
    constexpr double kTail[13] = {0.5107913526210115,      0.34358033225994417,    0.13973604284098354,
                                  0.01822139823045794,     -0.010755235482164447,  -0.0032419323414051206,
                                  0.001544558410403104,    0.00042719568953039844, -0.00032908725456583563,
                                  -3.3125931228557176e-05, 6.856662254397004e-05,  -1.2643127324561367e-06,
                                  -8.802160238019496e-06};
    const V one = hn::Set(d, 1.0);
    const V half = hn::Set(d, 0.5);
    const V z = hn::Mul(hn::Abs(x), hn::Set(d, 0.70710678118654752));
    const V t = hn::Div(one, hn::MulAdd(z, half, one));
    const V tail = hn::Mul(hn::Mul(t, Polynomial(d, kTail, hn::MulSub(t, hn::Set(d, 2.0), one))),
                           hn::Mul(ExpOfMinus(d, hn::Mul(z, z)), half));
    return hn::Mul(x, hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail, hn::Sub(one, tail)));
  }
};

struct GeluTanhOf {
  template <typename D, typename V = hn::Vec<D>>
  static HWY_INLINE V Of(D d, V x, V /*alpha*/) {
    const V cubed = hn::Mul(x, hn::Mul(x, x));
    const V u = hn::MulAdd(cubed, hn::Set(d, 0.044715), x);
    return hn::Mul(x, SigmoidOf(d, hn::Mul(u, hn::Set(d, 1.5957691216057308))));  // 2 sqrt(2 / pi)
  }
};

// A row's numbers from `c` on, a vector of `d` at a time; returns where fewer than that are left.
template <typename Function, typename D>
HWY_INLINE size_t ActivateFrom(D d, size_t c, double alpha, size_t columns, float* y) {
  const hn::Rebind<float, D> df;
  const size_t lanes = hn::Lanes(d);
  for (; c + lanes <= columns; c += lanes) {
    const auto x = hn::PromoteTo(d, hn::LoadU(df, y + c));
    const auto of_number = Function::Of(d, x, hn::Set(d, alpha));
    // Whatever the function makes of it, no number stays none.
    hn::StoreU(hn::DemoteTo(df, hn::IfThenElse(hn::IsNaN(x), x, of_number)), df, y + c);
  }
  return c;
}

template <typename Function>
void ActivateRows(float alpha, size_t rows, size_t columns, size_t stride, float* y) {
  for (size_t r = 0; r < rows; ++r, y += stride) {
    const size_t c = ActivateFrom<Function>(hn::ScalableTag<double>(), 0, alpha, columns, y);
    ActivateFrom<Function>(hn::CappedTag<double, 1>(), c, alpha, columns, y);
  }
}

// By ActivationKind; null for what the dense kernel does itself.
constexpr ActivateKernel kActivateKernels[kActivationKinds] = {
    nullptr,                          //
    ActivateRows<LeakyReluOf>,        //
    ActivateRows<EluOf>,              //
    ActivateRows<SeluOf>,             //
    ActivateRows<TanhOf>,             //
    ActivateRows<SigmoidActivation>,  //
    ActivateRows<SoftplusOf>,         //
    ActivateRows<GeluOf>,             //
    ActivateRows<GeluTanhOf>,
};

}  // namespace
}  // namespace adscore::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard

#include "trainer/weight_step.h"

// As in model/kernels/kernel_set.cc: AVX3_DL would be the same code again, and vectors of unknown length
// can't be held in arrays.
#define HWY_DISABLED_TARGETS (HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "trainer/weight_step.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace adscore::trainer::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// The weights at [i, i + lanes of D). Multiplied and then added, not fused: so that every kind of SIMD rounds
// alike.
template <OptimizerKind kKind, class D>
HWY_INLINE void StepAt(D d, const WeightStep& step, const float* gradient, size_t i, const WeightPlaces& at) {
  const auto g = hn::Mul(hn::Set(d, step.gradient_scale), hn::LoadU(d, gradient + i));
  const auto before = hn::LoadU(d, at.weights + i);
  auto second = hn::LoadU(d, at.second + i);
  auto weights = before;
  if constexpr (kKind == OptimizerKind::kAdam) {
    auto first = hn::LoadU(d, at.first + i);
    first = hn::Add(first, hn::Mul(hn::Set(d, step.first_rate), hn::Sub(g, first)));
    second = hn::Add(second, hn::Mul(hn::Set(d, step.second_rate), hn::Sub(hn::Mul(g, g), second)));
    hn::StoreU(first, d, at.first + i);
    const auto root = hn::Sqrt(hn::Mul(second, hn::Set(d, step.second_correction)));
    weights =
        hn::Sub(hn::Mul(hn::Set(d, step.keep), before),
                hn::Div(hn::Mul(hn::Set(d, step.rate), first), hn::Add(root, hn::Set(d, step.epsilon))));
  } else {
    second = hn::Add(second, hn::Mul(g, g));
    weights = hn::Sub(
        hn::Mul(hn::Set(d, step.keep), before),
        hn::Div(hn::Mul(hn::Set(d, step.rate), g), hn::Add(hn::Sqrt(second), hn::Set(d, step.epsilon))));
  }
  hn::StoreU(second, d, at.second + i);
  hn::StoreU(weights, d, at.weights + i);
  auto average = hn::LoadU(d, at.average + i);
  if (step.idle_decay != 1) {
    average = hn::Add(before, hn::Mul(hn::Set(d, step.idle_decay), hn::Sub(average, before)));
  }
  average = hn::Add(average, hn::Mul(hn::Set(d, step.average_rate), hn::Sub(weights, average)));
  hn::StoreU(average, d, at.average + i);
}

template <OptimizerKind kKind>
HWY_INLINE void StepAll(const WeightStep& step, const float* gradient, size_t count, const WeightPlaces& at) {
  const hn::ScalableTag<float> d;
  size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) StepAt<kKind>(d, step, gradient, i, at);
  for (; i < count; ++i) StepAt<kKind>(hn::CappedTag<float, 1>(), step, gradient, i, at);
}

}  // namespace

void StepWeightsOnTarget(const WeightStep& step, const float* gradient, size_t count,
                         const WeightPlaces& at) {
  if (step.kind == OptimizerKind::kAdam) {
    StepAll<OptimizerKind::kAdam>(step, gradient, count, at);
  } else {
    StepAll<OptimizerKind::kAdaGrad>(step, gradient, count, at);
  }
}

}  // namespace adscore::trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace adscore::trainer {

HWY_EXPORT(StepWeightsOnTarget);

void StepWeights(const WeightStep& step, const float* gradient, size_t count, const WeightPlaces& at) {
  HWY_DYNAMIC_DISPATCH(StepWeightsOnTarget)(step, gradient, count, at);
}

}  // namespace adscore::trainer
#endif  // HWY_ONCE

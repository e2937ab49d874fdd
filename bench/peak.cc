// PeakGflops: a bare loop of independent fused multiply-adds.
#include <algorithm>
#include <chrono>

#include "bench/contestant.h"

#define HWY_DISABLED_TARGETS (HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/peak.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace adscore::bench::HWY_NAMESPACE {

// GFLOP/s of the best of some runs.
double Peak() {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<float> d;
  constexpr size_t kSums = 12;  // enough independent sums for two units of a latency of four or five cycles
  constexpr size_t kSteps = 4'000'000;
  double best = 0;
  for (int run = 0; run < 7; ++run) {
    hn::Vec<decltype(d)> sum[kSums];
    for (auto& s : sum) s = hn::Zero(d);
    const auto x = hn::Set(d, 0.5f);
    const auto w = hn::Set(d, 1e-6f);
    const auto start = std::chrono::steady_clock::now();
    for (size_t i = 0; i < kSteps; ++i) {
#pragma GCC unroll 12
      for (size_t s = 0; s < kSums; ++s) sum[s] = hn::MulAdd(x, w, sum[s]);
    }
    const double ns =
        std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
    auto total = sum[0];
    for (size_t s = 1; s < kSums; ++s) total = hn::Add(total, sum[s]);
    volatile float sink = hn::GetLane(total);
    (void)sink;
    best = std::max(best, 2.0 * kSums * kSteps * static_cast<double>(hn::Lanes(d)) / ns);
  }
  return best;
}

}  // namespace adscore::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace adscore::bench {

HWY_EXPORT(Peak);

double PeakGflops() { return HWY_DYNAMIC_DISPATCH(Peak)(); }

}  // namespace adscore::bench
#endif  // HWY_ONCE

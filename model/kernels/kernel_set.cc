// The kernels themselves, compiled once per instruction set by Highway's foreach_target, and the choice among
// them.
//
// Thread-safe: pure functions and constants.
#include "model/kernels/kernel_set.h"

#include <mutex>
#include <string>

// One build must be enough for all x86 machines: AVX3_DL would be the same code as AVX3 again, and vectors of
// a length unknown to the compiler (SVE, RVV) can't be held in arrays of sums.
#define HWY_DISABLED_TARGETS (HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/kernels/kernel_set.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "model/kernels/dense-inl.h"
#include "model/kernels/sigmoid-inl.h"

HWY_BEFORE_NAMESPACE();
namespace adscore::model::HWY_NAMESPACE {

// What this instruction set is called on the command line and in metrics.
constexpr const char* kName =
#if HWY_TARGET == HWY_AVX3
    "avx512";
#elif HWY_TARGET == HWY_AVX2
    "avx2";
#elif HWY_TARGET == HWY_SSE4
    "sse4";
#elif HWY_TARGET == HWY_SSSE3
    "ssse3";
#elif HWY_TARGET == HWY_NEON
    "neon";
#else
    "scalar";
#endif

const KernelSet* Kernels() {
  static constexpr KernelSet kSet = {kName, kPanelColumns, PackedFloats, Pack, Dense, Heads, Sigmoids};
  return &kSet;
}

}  // namespace adscore::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace adscore::model {
namespace {

HWY_EXPORT(Kernels);

std::vector<const KernelSet*> CollectKernelSets() {
  std::vector<const KernelSet*> sets;
  const int64_t supported = hwy::SupportedTargets() & HWY_TARGETS;
  // Highway's better targets have the lower bits. Each is made the chosen one for as long as it takes to ask
  // it for its record; afterwards dispatch is as it was.
  for (int bit = 0; bit < 62; ++bit) {
    const int64_t target = int64_t{1} << bit;
    if ((supported & target) == 0) continue;
    hwy::GetChosenTarget().Update(target);
    sets.push_back(HWY_DYNAMIC_DISPATCH(Kernels)());
  }
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  return sets;
}

}  // namespace

std::vector<const KernelSet*> AvailableKernelSets() {
  static const auto* const kSets = new std::vector<const KernelSet*>(CollectKernelSets());
  return *kSets;
}

absl::StatusOr<const KernelSet*> FindKernelSet(std::string_view isa) {
  const std::vector<const KernelSet*> sets = AvailableKernelSets();
  if (isa == "auto") return sets.front();
  std::string names;
  for (const KernelSet* set : sets) {
    if (isa == set->name) return set;
    names += (names.empty() ? "" : ", ") + std::string(set->name);
  }
  return absl::InvalidArgumentError("no instruction set '" + std::string(isa) +
                                    "' on this machine; it has: auto, " + names);
}

}  // namespace adscore::model
#endif  // HWY_ONCE

// The kernels themselves, compiled once per instruction set by Highway's foreach_target, and the choice among
// them.
//
// Thread-safe: pure functions and constants.
#include "model/kernels/kernel_set.h"

#include <array>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "model/kernels/avx512.h"
#include "model/words.h"

// One build must be enough for all x86 machines: AVX3_DL would be the same code as AVX3 again, and vectors of
// a length unknown to the compiler (SVE, RVV) can't be held in arrays of sums.
#define HWY_DISABLED_TARGETS (HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/kernels/kernel_set.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "model/kernels/activation-inl.h"
#include "model/kernels/dense-inl.h"
#include "model/kernels/heads-inl.h"
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

size_t NoScratch(size_t /*rows*/, size_t /*depth*/) { return 0; }

template <typename Weights>
constexpr KernelSet SetOf(Precision precision) {
  return {.name = kName,
          .precision = precision,
          .panel_columns = kPanelColumns,
          .packed_floats = PackedFloats<Weights>,
          .scratch_floats = NoScratch,
          .pack = Pack<Weights>,
          .dense = Dense<Weights>,
          .activate = kActivateKernels,
          .heads = Heads,
          .sigmoids = Sigmoids};
}

const KernelSet* Kernels(Precision precision) {
  static constexpr KernelSet kF32 = SetOf<F32>(Precision::kF32);
  static constexpr KernelSet kBf16 = SetOf<Bf16>(Precision::kBf16);
  static constexpr KernelSet kInt8 = SetOf<Int8>(Precision::kInt8);
  switch (precision) {
    case Precision::kF32:
      break;
    case Precision::kBf16:
      return &kBf16;
    case Precision::kInt8:
      return &kInt8;
  }
  return &kF32;
}

}  // namespace adscore::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace adscore::model {
namespace {

HWY_EXPORT(Kernels);

constexpr Words<Precision, 3> kPrecisions = {{
    {Precision::kF32, "f32"},
    {Precision::kBf16, "bf16"},
    {Precision::kInt8, "int8"},
}};

std::vector<const KernelSet*> CollectKernelSets(Precision precision) {
  std::vector<const KernelSet*> sets;
  const int64_t supported = hwy::SupportedTargets() & HWY_TARGETS;
  // Highway's better targets have the lower bits. Each is made the chosen one for as long as it takes to ask
  // it for its record; afterwards dispatch is as it was.
  for (int bit = 0; bit < 62; ++bit) {
    const int64_t target = int64_t{1} << bit;
    if ((supported & target) == 0) continue;
    hwy::GetChosenTarget().Update(target);
    sets.push_back(HWY_DYNAMIC_DISPATCH(Kernels)(precision));
  }
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
#if HWY_ARCH_X86_64
  // What has instructions for narrow numbers comes before f32 arithmetic, where they are fast.
  if ((supported & HWY_AVX3) != 0) {
    const KernelSet& f32 = *sets.front();
    if (precision == Precision::kBf16 && HasAvx512Bf16()) {
      static const KernelSet kSet = Avx512Bf16Kernels(f32);
      sets.insert(sets.begin() + (IsAvx512Bf16Fast() ? 0 : 1), &kSet);
    }
    if (precision == Precision::kBf16 && HasAvx512Vnni()) {
      static const KernelSet kSet = Avx512Vnni16Kernels(f32);
      sets.insert(sets.begin() + (HasAvx512Bf16() && IsAvx512Bf16Fast() ? 1 : 0), &kSet);
    }
    if (precision == Precision::kInt8 && HasAvx512Vnni()) {
      static const KernelSet kSet = Avx512VnniKernels(f32);
      sets.insert(sets.begin(), &kSet);
    }
  }
#endif
  return sets;
}

}  // namespace

const std::vector<const KernelSet*>& AvailableKernelSets(Precision precision) {
  static const auto* const kSets = new std::array<std::vector<const KernelSet*>, kPrecisions.size()>{
      CollectKernelSets(Precision::kF32), CollectKernelSets(Precision::kBf16),
      CollectKernelSets(Precision::kInt8)};
  return (*kSets)[static_cast<size_t>(precision)];
}

absl::StatusOr<const KernelSet*> FindKernelSet(const std::string& isa, Precision precision) {
  const char* forced = std::getenv("ADSCORE_ISA");
  const std::string name = isa == "auto" && forced != nullptr ? forced : isa;
  const std::vector<const KernelSet*>& sets = AvailableKernelSets(precision);
  if (name == "auto") return sets.front();
  std::string names;
  for (const KernelSet* set : sets) {
    if (name == set->name) return set;
    absl::StrAppend(&names, ", ", set->name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("no instruction set '", name, "' on this machine; it has: auto", names));
}

const char* ToString(Precision precision) { return WordOf(kPrecisions, precision); }

absl::StatusOr<Precision> ParsePrecision(const std::string& word) {
  Precision precision = Precision::kF32;
  if (absl::Status status = ParseWord(kPrecisions, word, "precision", &precision); !status.ok())
    return status;
  return precision;
}

}  // namespace adscore::model
#endif  // HWY_ONCE

// bf16 weights and activations with AVX-512's vdpbf16ps: two products to each lane of a sum in f32. The
// instruction takes numbers below 2^-126 for 0, and so does the rounding of the activations; NaN and
// infinities go their way as in f32.
//
// Thread-safe: pure functions.
#include <hwy/detect_compiler_arch.h>

#include "model/kernels/avx512.h"

#if HWY_ARCH_X86_64
#define ADSCORE_AVX512_TARGET "avx512f,avx512vl,avx512bw,avx512dq,avx512bf16"
#include "model/kernels/avx512_tile-inl.h"
#include "model/kernels/rounding.h"

HWY_PUSH_ATTRIBUTES(ADSCORE_AVX512_TARGET)
namespace adscore::model {
namespace {

struct Bf16Words {
  static constexpr size_t kPerWord = 2;
  static constexpr size_t kPanelHeader = 0;
  static constexpr size_t kRowHeader = 0;
  static constexpr size_t kParts = 1;
  static constexpr size_t kBlockWords = kNoBlocks;
  using Sum = __m512;
  using Total = Sum;

  static HWY_INLINE Sum Start(const DenseArgs& a, const int32_t* /*x*/, const float* /*panel*/, size_t row,
                              size_t column) {
    return LoadInit(a, row, column);
  }
  static HWY_INLINE Sum Add(Sum sum, __m512i x, __m512i w) {
    return _mm512_dpbf16_ps(sum, (__m512bh)x, (__m512bh)w);
  }
  static HWY_INLINE __m512 Finish(const Sum* sums, const DenseArgs& /*a*/, const int32_t* /*x*/,
                                  const float* /*panel*/, size_t /*row*/, size_t /*column*/) {
    return sums[0];
  }
};

void Pack(const float* w, size_t depth_stride, size_t column_stride, size_t depth, size_t columns,
          float* packed) {
  for (size_t first = 0; first < columns; first += kPanelColumns) {
    for (size_t k = 0; k < depth; k += 2) {
      for (size_t c = first; c < first + kPanelColumns; ++c) {
        uint32_t word = 0;
        for (size_t i = k; c < columns && i < std::min(k + 2, depth); ++i) {
          word |= uint32_t{RoundToBf16(w[i * depth_stride + c * column_stride])} << (16 * (i - k));
        }
        std::memcpy(packed++, &word, sizeof(word));
      }
    }
  }
}

// A row of x to words, rounded to the nearest, ties to even; zeros behind it.
HWY_INLINE void RoundRow(const float* x, size_t depth, float* words) {
  for (size_t k = 0; k < depth; k += 2 * kLanes, words += kLanes) {
    const size_t left = depth - k;
    const __m512 low = _mm512_maskz_loadu_ps(FirstLanes(left), x + k);
    const __m512 high = left > kLanes ? _mm512_maskz_loadu_ps(FirstLanes(left - kLanes), x + k + kLanes)
                                      : _mm512_setzero_ps();
    _mm512_storeu_si512(words, (__m512i)_mm512_cvtne2ps_pbh(high, low));
  }
}

void Dense(const DenseArgs& a) {
  for (size_t r = 0; r < a.rows; ++r) {
    RoundRow(a.x + r * a.x_row_stride, a.depth, a.scratch + r * RowWords<Bf16Words>(a.depth));
  }
  Products<Bf16Words>(a);
}

}  // namespace
}  // namespace adscore::model
HWY_POP_ATTRIBUTES

namespace adscore::model {

bool HasAvx512Bf16() { return __builtin_cpu_supports("avx512bf16") != 0; }
bool IsAvx512Bf16Fast() { return __builtin_cpu_is("amd") != 0; }

KernelSet Avx512Bf16Kernels(const KernelSet& f32) {
  KernelSet set = f32;  // output layer and probabilities are f32's
  set.name = "avx512_bf16";
  set.precision = Precision::kBf16;
  set.panel_columns = kPanelColumns;
  set.packed_floats = PackedFloats<Bf16Words>;
  set.scratch_floats = ScratchFloats<Bf16Words>;
  set.pack = Pack;
  set.dense = Dense;
  return set;
}

}  // namespace adscore::model
#endif  // HWY_ARCH_X86_64

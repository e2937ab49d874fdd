// int8 weights with AVX-512's vpdpbusd: four products of an unsigned and a signed number of 8 bits to each
// lane of a sum in 32 bits, exactly.
//
// Weights have a scale per column: w = scale_w * i with i in -127 … 127. A row of x has a scale and a zero
// point of its own, found as it comes: x = scale_x * (q - zero) with q in 0 … 255, where 0 is always among
// the numbers that q can stand for, so that a row after ReLU has all 256 steps above it. Then
//
//   sum of x w = scale_x * scale_w * (sum of q i - zero * sum of i)
//
// and the sum of i, which depends on the weights alone, lies in the panel's header. 32 bits hold the sums up
// to a depth of 65,536.
//
// The network's own inputs are of very different sizes, and 256 steps for all of them would lose the small
// ones: for the first layer q is of 16 bits, q = 256 high + low, in two rows of words whose sums are taken
// apart and added at the end. That is twice the work for the activations, and for the weights none.
//
// A row with infinity or NaN in it has the scale NaN, and so has every result of that row before ReLU.
//
// Thread-safe: pure functions.
#include <hwy/detect_compiler_arch.h>

#include "model/kernels/avx512.h"

#if HWY_ARCH_X86_64
#define ADSCORE_AVX512_TARGET "avx512f,avx512vl,avx512bw,avx512dq,avx512vnni"
#include <cmath>
#include <limits>

#include "model/kernels/avx512_tile-inl.h"
#include "model/kernels/rounding.h"

HWY_PUSH_ATTRIBUTES(ADSCORE_AVX512_TARGET)
namespace adscore::model {
namespace {

// The header of a row of words: its scale, as a float, and the byte of the zero point that belongs to it.
constexpr size_t kRowScale = 0;
constexpr size_t kRowZero = 1;

// kBytes: of an activation; its highest byte is in the first row of words.
template <size_t kBytes>
struct Int8Words {
  static constexpr size_t kPerWord = 4;
  static constexpr size_t kPanelHeader = 2;  // rows of words: the columns' scales, as floats, and their sums
  static constexpr size_t kRowHeader = kLanes;
  static constexpr size_t kParts = kBytes;
  static constexpr size_t kBlockWords = kNoBlocks;
  // Sixteen int32, and called so: GCC 12 copies and spills a sum that is a __m512i, of eight int64, in every
  // step.
  using Sum = __v16si;
  using Total = Sum;

  static HWY_INLINE Sum Start(const DenseArgs& /*a*/, const int32_t* x, const float* panel, size_t /*row*/,
                              size_t /*column*/) {
    return (Sum)_mm512_mullo_epi32(_mm512_set1_epi32(-x[kRowZero]),
                                   _mm512_loadu_si512(panel + kPanelColumns));
  }
  static HWY_INLINE Sum Add(Sum sum, __m512i x, __m512i w) {
    return (Sum)_mm512_dpbusd_epi32((__m512i)sum, x, w);
  }
  static HWY_INLINE __m512 Finish(const Sum* sums, const DenseArgs& a, const int32_t* x, const float* panel,
                                  size_t row, size_t column) {
    __m512 sum = _mm512_cvtepi32_ps((__m512i)sums[0]);
    for (size_t byte = 1; byte < kBytes; ++byte) {
      sum = _mm512_fmadd_ps(sum, _mm512_set1_ps(256.0f), _mm512_cvtepi32_ps((__m512i)sums[byte]));
    }
    const __m512 row_scale = _mm512_castsi512_ps(_mm512_set1_epi32(x[kRowScale]));
    return _mm512_fmadd_ps(sum, _mm512_mul_ps(row_scale, _mm512_loadu_ps(panel)), LoadInit(a, row, column));
  }
};

void Pack(const float* w, size_t depth_stride, size_t column_stride, size_t depth, size_t columns,
          float* packed) {
  using Words = Int8Words<1>;  // the panels are the same for any activations
  for (size_t first = 0; first < columns; first += kPanelColumns, packed += PanelWords<Words>(depth)) {
    std::memset(packed, 0, PanelWords<Words>(depth) * sizeof(float));
    for (size_t c = 0; c < std::min(kPanelColumns, columns - first); ++c) {
      const float* column = w + (first + c) * column_stride;
      const float scale = Int8Scale(column, depth_stride, depth);
      auto* bytes = reinterpret_cast<int8_t*>(packed + Words::kPanelHeader * kPanelColumns + c);
      int32_t sum = 0;
      for (size_t k = 0; k < depth; ++k) {
        const int8_t i = RoundToInt8(column[k * depth_stride], scale);
        bytes[k / 4 * kPanelColumns * sizeof(float) + k % 4] = i;
        sum += i;
      }
      packed[c] = scale;
      std::memcpy(packed + kPanelColumns + c, &sum, sizeof(sum));
    }
  }
}

// A row of x to the headers and words of its kBytes rows of words.
template <size_t kBytes>
HWY_INLINE void RoundRow(const float* x, size_t depth, float* words) {
  __m512 low = _mm512_setzero_ps();
  __m512 high = _mm512_setzero_ps();
  __m512 poison = _mm512_setzero_ps();  // 0 times what is finite is 0, NaN otherwise
  for (size_t k = 0; k < depth; k += kLanes) {
    const __m512 v = _mm512_maskz_loadu_ps(FirstLanes(depth - k), x + k);
    low = _mm512_min_ps(low, v);
    high = _mm512_max_ps(high, v);
    poison = _mm512_fmadd_ps(v, _mm512_setzero_ps(), poison);
  }
  constexpr int32_t kMost = (1 << (8 * kBytes)) - 1;
  const float lowest = _mm512_reduce_min_ps(low);
  const float scale = _mm512_reduce_max_ps(high) / kMost - lowest / kMost;
  // Where even the largest number is next to nothing, all of them are 0; so they are where none can be found.
  const bool usable = scale > std::numeric_limits<float>::min() && scale < std::numeric_limits<float>::max();
  const float inverse = usable ? 1.0f / scale : 0.0f;
  const auto zero = static_cast<int32_t>(usable ? std::lrint(-lowest * inverse) : 0);
  const size_t row_words = RowWords<Int8Words<kBytes>>(depth);
  const float poisoned = scale + _mm512_reduce_add_ps(poison);
  for (size_t byte = 0; byte < kBytes; ++byte) {
    const int32_t part = zero >> (8 * (kBytes - 1 - byte)) & 255;
    words[byte * row_words + kRowScale] = poisoned;
    std::memcpy(words + byte * row_words + kRowZero, &part, sizeof(part));
  }

  auto* to = reinterpret_cast<uint8_t*>(words + Int8Words<kBytes>::kRowHeader);
  for (size_t k = 0; k < depth; k += kLanes, to += kLanes) {
    const __m512 v = _mm512_maskz_loadu_ps(FirstLanes(depth - k), x + k);
    const __m512i steps = _mm512_cvt_roundps_epi32(_mm512_mul_ps(v, _mm512_set1_ps(inverse)),
                                                   _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m512i shifted =
        _mm512_max_epi32(_mm512_add_epi32(steps, _mm512_set1_epi32(zero)), _mm512_setzero_si512());
    const __m512i q = _mm512_min_epi32(shifted, _mm512_set1_epi32(kMost));
    for (size_t byte = 0; byte < kBytes; ++byte) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + byte * row_words * sizeof(float)),
                       _mm512_cvtepi32_epi8(_mm512_srli_epi32(q, 8 * (kBytes - 1 - byte))));
    }
  }
}

template <size_t kBytes>
void Dense(const DenseArgs& a) {
  for (size_t r = 0; r < a.rows; ++r) {
    RoundRow<kBytes>(a.x + r * a.x_row_stride, a.depth,
                     a.scratch + r * kBytes * RowWords<Int8Words<kBytes>>(a.depth));
  }
  Products<Int8Words<kBytes>>(a);
}

template <size_t kBytes>
KernelSet SetOf(const KernelSet& f32) {
  KernelSet set = f32;  // output layer and probabilities are f32's
  set.name = "avx512_vnni";
  set.precision = Precision::kInt8;
  set.panel_columns = kPanelColumns;
  set.packed_floats = PackedFloats<Int8Words<kBytes>>;
  set.scratch_floats = ScratchFloats<Int8Words<kBytes>>;
  set.pack = Pack;
  set.dense = Dense<kBytes>;
  return set;
}

}  // namespace
}  // namespace adscore::model
HWY_POP_ATTRIBUTES

namespace adscore::model {

bool HasAvx512Vnni() { return __builtin_cpu_supports("avx512vnni") != 0; }

KernelSet Avx512VnniKernels(const KernelSet& f32) {
  static const KernelSet kFirstLayer = SetOf<2>(f32);
  KernelSet set = SetOf<1>(f32);
  set.first_layer = &kFirstLayer;
  return set;
}

}  // namespace adscore::model
#endif  // HWY_ARCH_X86_64

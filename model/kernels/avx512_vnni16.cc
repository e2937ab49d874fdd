// 16-bit weights and activations with AVX-512's vpdpwssd: two products of signed numbers of 16 bits to each
// lane of a sum in 32 bits, exactly, at twice the rate of f32's multiply-adds. What bf16 snapshots are served
// with where vpdpbf16ps is slow: as many bytes, and no larger an error.
//
// Weights have a scale per column, and a row of x has one of its own, found as it comes:
//
//   w = scale_w * i    x = scale_x * q    sum of x w = scale_x * scale_w * (sum of q i)
//
// with q in -32,767 … 32,767. Sums in 32 bits must not overflow: after every kBlockDepth steps they are added
// to totals in f32, and a column's scale is such that no block of it has more than 65,535 in its |i|
// together. Of 128 weights of usual sizes the largest is then some 1,700 steps and a typical one 640:
// rounding changes it by 1/2,200 of itself, bf16's 8 bits by 1/600 (root mean squares).
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

HWY_PUSH_ATTRIBUTES(ADSCORE_AVX512_TARGET)
namespace adscore::model {
namespace {

constexpr size_t kBlockDepth = 128;
constexpr float kMostOfRow = 32767;
constexpr float kMostOfBlock = 65535;

struct Int16Words {
  static constexpr size_t kPerWord = 2;
  static constexpr size_t kPanelHeader = 1;     // the columns' scales, as floats
  static constexpr size_t kRowHeader = kLanes;  // the row's scale, as a float
  static constexpr size_t kParts = 1;
  static constexpr size_t kBlockWords = kBlockDepth / kPerWord;
  using Sum = __v16si;  // as in avx512_vnni.cc
  using Total = __m512;

  static HWY_INLINE Sum Start(const DenseArgs& /*a*/, const int32_t* /*x*/, const float* /*panel*/,
                              size_t /*row*/, size_t /*column*/) {
    return Sum{};
  }
  static HWY_INLINE Sum Add(Sum sum, __m512i x, __m512i w) {
    return (Sum)_mm512_dpwssd_epi32((__m512i)sum, x, w);
  }
  static HWY_INLINE Total AddBlock(Total total, Sum sum) {
    return _mm512_add_ps(total, _mm512_cvtepi32_ps((__m512i)sum));
  }
  static HWY_INLINE __m512 Finish(const Total* totals, const DenseArgs& a, const int32_t* x,
                                  const float* panel, size_t row, size_t column) {
    const __m512 row_scale = _mm512_castsi512_ps(_mm512_set1_epi32(x[0]));
    return _mm512_fmadd_ps(totals[0], _mm512_mul_ps(row_scale, _mm512_loadu_ps(panel)),
                           LoadInit(a, row, column));
  }
};

// What one step of a column's integers is worth; 0 if all weights are 0.
float ColumnScale(const float* column, size_t stride, size_t depth) {
  float most = 0;
  for (size_t first = 0; first < depth; first += kBlockDepth) {
    float block = 0;
    for (size_t k = first; k < std::min(first + kBlockDepth, depth); ++k) {
      const float size = std::fabs(column[k * stride]);
      block += size / (kMostOfBlock - kBlockDepth);  // each |i| may be half a step more than its weight is
      most = std::max(most, size / kMostOfRow);
    }
    most = std::max(most, block);
  }
  return most;
}

void Pack(const float* w, size_t depth_stride, size_t column_stride, size_t depth, size_t columns,
          float* packed) {
  for (size_t first = 0; first < columns; first += kPanelColumns, packed += PanelWords<Int16Words>(depth)) {
    std::memset(packed, 0, PanelWords<Int16Words>(depth) * sizeof(float));
    for (size_t c = 0; c < std::min(kPanelColumns, columns - first); ++c) {
      const float* column = w + (first + c) * column_stride;
      const float scale = ColumnScale(column, depth_stride, depth);
      packed[c] = scale;
      if (scale == 0) continue;
      auto* words = reinterpret_cast<int16_t*>(packed + Int16Words::kPanelHeader * kPanelColumns + c);
      for (size_t k = 0; k < depth; ++k) {
        words[k / 2 * 2 * kPanelColumns + k % 2] =
            static_cast<int16_t>(std::clamp(std::lrint(column[k * depth_stride] / scale), -32767L, 32767L));
      }
    }
  }
}

// Sixteen of a row's numbers, from `k` on, in steps of 1 / inverse; zeros behind the last one.
HWY_INLINE __m256i Steps(const float* x, size_t k, size_t depth, __m512 inverse) {
  const __m512 v = _mm512_maskz_loadu_ps(k < depth ? FirstLanes(depth - k) : 0, x + k);
  return _mm512_cvtsepi32_epi16(
      _mm512_cvt_roundps_epi32(_mm512_mul_ps(v, inverse), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

// A row of x to its header and words.
HWY_INLINE void RoundRow(const float* x, size_t depth, float* words) {
  __m512 most = _mm512_setzero_ps();
  __m512 poison = _mm512_setzero_ps();  // 0 times what is finite is 0, NaN otherwise
  for (size_t k = 0; k < depth; k += kLanes) {
    const __m512 v = _mm512_maskz_loadu_ps(FirstLanes(depth - k), x + k);
    most = _mm512_max_ps(most, _mm512_abs_ps(v));
    poison = _mm512_fmadd_ps(v, _mm512_setzero_ps(), poison);
  }
  const float scale = _mm512_reduce_max_ps(most) / kMostOfRow;
  // Where even the largest number is next to nothing, all of them are 0; so they are where none can be found.
  const bool usable = scale > std::numeric_limits<float>::min() && scale < std::numeric_limits<float>::max();
  const __m512 inverse = _mm512_set1_ps(usable ? 1.0f / scale : 0.0f);
  words[0] = scale + _mm512_reduce_add_ps(poison);
  words += Int16Words::kRowHeader;
  for (size_t k = 0; k < depth; k += 2 * kLanes, words += kLanes) {
    _mm512_storeu_si512(words, _mm512_inserti64x4(_mm512_castsi256_si512(Steps(x, k, depth, inverse)),
                                                  Steps(x, k + kLanes, depth, inverse), 1));
  }
}

void Dense(const DenseArgs& a) {
  for (size_t r = 0; r < a.rows; ++r) {
    RoundRow(a.x + r * a.x_row_stride, a.depth, a.scratch + r * RowWords<Int16Words>(a.depth));
  }
  Products<Int16Words>(a);
}

}  // namespace
}  // namespace adscore::model
HWY_POP_ATTRIBUTES

namespace adscore::model {

KernelSet Avx512Vnni16Kernels(const KernelSet& f32) {
  KernelSet set = f32;  // output layer and probabilities are f32's
  set.name = "avx512_vnni";
  set.precision = Precision::kBf16;
  set.panel_columns = kPanelColumns;
  set.packed_floats = PackedFloats<Int16Words>;
  set.scratch_floats = ScratchFloats<Int16Words>;
  set.pack = Pack;
  set.dense = Dense;
  return set;
}

}  // namespace adscore::model
#endif  // HWY_ARCH_X86_64

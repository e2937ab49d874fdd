#include "trainer/half_product.h"

#include <hwy/base.h>
#include <hwy/detect_compiler_arch.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

// Clang 14 has these instructions only for files that need no other processor.
#if HWY_ARCH_X86_64 && HWY_COMPILER_GCC_ACTUAL >= 1200
#define ADSCORE_HALF_PRODUCTS 1
#else
#define ADSCORE_HALF_PRODUCTS 0
#endif

#if ADSCORE_HALF_PRODUCTS
#include "model/kernels/intrinsics.h"
#include "trainer/sparse_tiles.h"

HWY_PUSH_ATTRIBUTES("avx512f,avx512vl,avx512bw,avx512dq,avx512fp16")
namespace adscore::trainer {
namespace {

constexpr size_t kLanes = 16;  // floats
// Rows, and vectors of columns, whose sums are in registers, as in sparse_product.cc.
constexpr size_t kRowsOfTile = 5;
constexpr size_t kMostVectors = 5;
// Sums are taken to f32 after the same depths whatever is passed over, which adds 0. So they do not depend on
// which rows share a tile, and that, in a gradient, on the number of workers.
using Rows = TileRows<kRowsOfTile, kHalfDepth>;

HWY_INLINE __mmask16 FirstLanes(size_t lanes) {
  return lanes >= kLanes ? __mmask16{0xFFFF} : static_cast<__mmask16>((1U << lanes) - 1);
}

// Infinite, or not a number.
HWY_INLINE __mmask32 Lost(__m512h values) {
  return _mm512_fpclass_ph_mask(values, 0x01 | 0x08 | 0x10 | 0x80);
}

HWY_INLINE __m256i Rounded(const float* x, __mmask16 lanes, __m512 scale) {
  return _mm256_castph_si256(_mm512_cvtxps_ph(_mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, x), scale)));
}

HWY_INLINE __m512 Floats(__m256i halves) { return _mm512_cvtxph_ps(_mm256_castsi256_ph(halves)); }

// Adds a vector of sums to what y has for it, or to what the product begins with.
template <bool kLast>
HWY_INLINE void AddSums(float factor, __m512h sums, const float* before, size_t columns, bool relu,
                        float* y) {
  const __m512i bits = _mm512_castph_si512(sums);
  const __m512 scale = _mm512_set1_ps(factor);
  for (size_t part = 0; part < 2; ++part) {
    const __mmask16 lanes =
        kLast ? FirstLanes(columns - std::min(columns, part * kLanes)) : __mmask16{0xFFFF};
    const __m512 sum = Floats(part == 0 ? _mm512_castsi512_si256(bits) : _mm512_extracti64x4_epi64(bits, 1));
    const __m512 start =
        before == nullptr ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(lanes, before + part * kLanes);
    __m512 value = _mm512_fmadd_ps(scale, sum, start);
    if (relu) value = _mm512_max_ps(value, _mm512_setzero_ps());
    _mm512_mask_storeu_ps(y + part * kLanes, lanes, value);
  }
}

// kVectors vectors of columns from `column` on; kLast: of which the last one may be cut short. Says which
// lanes lost their sum.
template <size_t kRows, size_t kVectors, bool kLast>
HWY_INLINE __mmask32 Tile(const HalfProduct& p, const Rows& rows, size_t column) {
  const HalfPair* x[kRows];
#pragma GCC unroll 5
  for (size_t r = 0; r < kRows; ++r) {
    x[r] = p.x + rows.row[r] * p.x_row_stride + rows.first_depth * p.x_depth_stride;
  }
  const Half* const first_w = p.w + rows.first_depth * p.w_stride + column;
  __m512h sum[kRows][kVectors];
#pragma GCC unroll 5
  for (size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 5
    for (size_t v = 0; v < kVectors; ++v) sum[r][v] = _mm512_setzero_ph();
  }
  const size_t count = rows.count;
#pragma GCC unroll 4  // as told by the clock, most of all where another program shares the core
  for (size_t i = 0; i < count; ++i) {
    const Half* const w = first_w + rows.w_at[i];
    const size_t x_at = rows.x_at[i];
    __m512h weights[kVectors];
#pragma GCC unroll 5
    for (size_t v = 0; v < kVectors; ++v) weights[v] = _mm512_loadu_ph(w + v * kHalfLanes);
#pragma GCC unroll 5
    for (size_t r = 0; r < kRows; ++r) {
      const auto number = _mm512_castsi512_ph(_mm512_set1_epi32(static_cast<int>(x[r][x_at])));
#pragma GCC unroll 5
      for (size_t v = 0; v < kVectors; ++v) sum[r][v] = _mm512_fmadd_ph(number, weights[v], sum[r][v]);
    }
  }
  __mmask32 lost = 0;
  if (p.sums != nullptr) {
#pragma GCC unroll 5
    for (size_t r = 0; r < kRows; ++r) {
      Half* const to = p.sums + rows.row[r] * p.w_stride + column;
#pragma GCC unroll 5
      for (size_t v = 0; v < kVectors; ++v) {
        lost |= Lost(sum[r][v]);
        _mm512_storeu_ph(to + v * kHalfLanes, sum[r][v]);
      }
    }
    return lost;
  }
  const bool relu = p.relu && rows.end;
#pragma GCC unroll 5
  for (size_t r = 0; r < kRows; ++r) {
    float* const y = p.y + rows.row[r] * p.y_stride + column;
    const float* before = y;
    if (rows.begin) before = p.first == nullptr ? nullptr : p.first + rows.row[r] * p.first_stride + column;
#pragma GCC unroll 5
    for (size_t v = 0; v < kVectors; ++v) {
      lost |= Lost(sum[r][v]);
      const size_t at = v * kHalfLanes;
      const float* const from = before == nullptr ? nullptr : before + at;
      if (kLast && v + 1 == kVectors) {
        AddSums<true>(p.scale, sum[r][v], from, p.columns - column - at, relu, y + at);
      } else {
        AddSums<false>(p.scale, sum[r][v], from, kHalfLanes, relu, y + at);
      }
    }
  }
  return lost;
}

// Calls task(vectors, column, last) for all columns, in about even shares of up to kMostVectors vectors.
template <typename Task>
HWY_INLINE void ForEachShare(size_t columns, const Task& task) {
  size_t left = HalfStride(columns) / kHalfLanes;
  for (size_t column = 0; left > 0;) {
    const size_t shares = (left + kMostVectors - 1) / kMostVectors;
    const size_t vectors = (left + shares - 1) / shares;
    task(vectors, column, left == vectors);
    column += vectors * kHalfLanes;
    left -= vectors;
  }
}

struct Kernel {
  using Rows = trainer::Rows;

  static void List(uint64_t bits, uint32_t first, uint32_t w_stride, uint32_t x_stride, uint32_t* w_at,
                   uint32_t* x_at) {
    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (uint32_t i = 0; i < kActiveBits; i += kLanes) {
      const auto some = static_cast<__mmask16>(bits >> i);
      const __m512i k = _mm512_maskz_compress_epi32(
          some, _mm512_add_epi32(_mm512_set1_epi32(static_cast<int>(first + i)), lanes));
      _mm512_storeu_si512(w_at, _mm512_mullo_epi32(k, _mm512_set1_epi32(static_cast<int>(w_stride))));
      _mm512_storeu_si512(x_at, _mm512_mullo_epi32(k, _mm512_set1_epi32(static_cast<int>(x_stride))));
      const auto count = static_cast<size_t>(std::popcount(some));
      w_at += count;
      x_at += count;
    }
  }

  template <size_t kRows>
  void AllColumns(const HalfProduct& p, const Rows& rows) {
    ForEachShare(p.columns, [&](size_t vectors, size_t column, bool last) {
      CallTile<kRows, kMostVectors>(vectors, p, rows, column, last);
    });
  }

  template <size_t kRows, size_t kVectors>
  void CallTile(size_t vectors, const HalfProduct& p, const Rows& rows, size_t column, bool last) {
    if (vectors == kVectors) {
      lost |=
          last ? Tile<kRows, kVectors, true>(p, rows, column) : Tile<kRows, kVectors, false>(p, rows, column);
    } else if constexpr (kVectors > 1) {
      CallTile<kRows, kVectors - 1>(vectors, p, rows, column, last);
    }
  }

  __mmask32 lost = 0;
};

bool MultiplyHalves(const HalfProduct& product) {
  Kernel kernel;
  MultiplyTiles(product, &kernel);
  return kernel.lost == 0;
}

// kVectors vectors of columns from `column` on of list i's sum.
template <size_t kVectors>
HWY_INLINE __mmask32 SumVectors(const HalfRowSums& p, size_t i, size_t column) {
  const WeightedRow* row = p.lists.rows + p.lists.begin[i];
  const WeightedRow* const last = p.lists.rows + p.lists.begin[i + 1];
  float* const to = p.to == nullptr ? nullptr : p.to + i * p.to_stride + column;
  Half* const sums = p.sums == nullptr ? nullptr : p.sums + i * HalfStride(p.columns) + column;
  const float* before = p.first == nullptr ? nullptr : p.first + column;
  float total[kVectors * kHalfLanes];  // of what is added up in more than one go and is to be a half
  __mmask32 lost = 0;
  while (true) {  // once also if there is nothing to add
    __m512h sum[kVectors];
#pragma GCC unroll 5
    for (size_t v = 0; v < kVectors; ++v) sum[v] = _mm512_setzero_ph();
    for (const WeightedRow* const end = row + std::min<size_t>(last - row, kHalfTerms); row < end; ++row) {
      const Half* const from = p.values + row->at * p.values_stride + column;
      if (row->factor == 1) {
#pragma GCC unroll 5
        for (size_t v = 0; v < kVectors; ++v)
          sum[v] = _mm512_add_ph(sum[v], _mm512_loadu_ph(from + v * kHalfLanes));
        continue;
      }
      const auto factor = _mm512_set1_ph(static_cast<_Float16>(row->factor));
#pragma GCC unroll 5
      for (size_t v = 0; v < kVectors; ++v) {
        sum[v] = _mm512_fmadd_ph(factor, _mm512_loadu_ph(from + v * kHalfLanes), sum[v]);
      }
    }
    if (sums != nullptr && row == last && before == nullptr) {
      const auto scale = _mm512_set1_ph(static_cast<_Float16>(p.scale));
#pragma GCC unroll 5
      for (size_t v = 0; v < kVectors; ++v) {
        const auto scaled = _mm512_mul_ph(scale, sum[v]);
        lost |= Lost(scaled);
        _mm512_storeu_ph(sums + v * kHalfLanes, scaled);
      }
      return lost;
    }
    float* const y = sums == nullptr ? to : total;
    const size_t columns = sums == nullptr ? p.columns - column : kVectors * kHalfLanes;
#pragma GCC unroll 5
    for (size_t v = 0; v < kVectors; ++v) {
      lost |= Lost(sum[v]);
      const size_t at = v * kHalfLanes;
      AddSums<true>(p.scale, sum[v], before == nullptr ? nullptr : before + at, columns - at,
                    /*relu=*/false, y + at);
    }
    if (row == last) break;
    before = y;
  }
  for (size_t c = 0; sums != nullptr && c < kVectors * kHalfLanes; c += kLanes) {
    const __m256i halves = Rounded(total + c, FirstLanes(kLanes), _mm512_set1_ps(1));
    lost |= Lost(_mm512_castsi512_ph(_mm512_zextsi256_si512(halves)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + c), halves);
  }
  return lost;
}

template <size_t kVectors>
HWY_INLINE __mmask32 CallSumVectors(size_t vectors, const HalfRowSums& p, size_t i, size_t column) {
  if (vectors == kVectors) return SumVectors<kVectors>(p, i, column);
  if constexpr (kVectors > 1) return CallSumVectors<kVectors - 1>(vectors, p, i, column);
  return 0;
}

bool SumRowsOfHalves(const HalfRowSums& p) {
  __mmask32 lost = 0;
  for (size_t i = 0; i < p.lists.size(); ++i) {
    ForEachShare(p.columns, [&](size_t vectors, size_t column, bool /*last*/) {
      lost |= CallSumVectors<kMostVectors>(vectors, p, i, column);
    });
  }
  return lost == 0;
}

HWY_INLINE __m512i Bits(__m512h halves) { return _mm512_castph_si512(halves); }
HWY_INLINE __m512h AddBits(__m512i a, __m512i b) {
  return _mm512_add_ph(_mm512_castsi512_ph(a), _mm512_castsi512_ph(b));
}

// The sums of each vector's halves, in order. Three times, pairs of vectors become one that has sums of both
// in turns, and then the four quarters are added.
HWY_INLINE __m256h SumsAcross(__m512h (&vectors)[kLanes]) {
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) {
    const __m512i a = Bits(vectors[2 * i]);
    const __m512i b = Bits(vectors[2 * i + 1]);
    vectors[i] = AddBits(_mm512_unpacklo_epi16(a, b), _mm512_unpackhi_epi16(a, b));
  }
#pragma GCC unroll 4
  for (size_t i = 0; i < 4; ++i) {
    const __m512i a = Bits(vectors[2 * i]);
    const __m512i b = Bits(vectors[2 * i + 1]);
    vectors[i] = AddBits(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
  }
#pragma GCC unroll 2
  for (size_t i = 0; i < 2; ++i) {
    const __m512i a = Bits(vectors[2 * i]);
    const __m512i b = Bits(vectors[2 * i + 1]);
    vectors[i] = AddBits(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
  }
  const __m512i a = Bits(vectors[0]);
  const __m512i b = Bits(vectors[1]);
  const __m512i two = Bits(AddBits(_mm512_shuffle_i64x2(a, b, 0x88), _mm512_shuffle_i64x2(a, b, 0xDD)));
  const __m512i one =
      Bits(AddBits(_mm512_shuffle_i64x2(two, two, 0x08), _mm512_shuffle_i64x2(two, two, 0x0D)));
  return _mm256_castsi256_ph(_mm512_castsi512_si256(one));
}

// For kDims of the dims, from `first` on, as far as there are so many.
template <size_t kDims>
HWY_INLINE __mmask32 DotRows(const HalfDots& p, size_t first) {
  constexpr size_t kRows = kLanes / kDims;
  const size_t stride = HalfStride(p.columns);
  const size_t dims = std::min(kDims, p.dims - first);
  // Next to each other in the order in which they are read.
  alignas(64) Half w[kHalfDotColumns * kDims];
  for (size_t c = 0; c < stride; c += kHalfLanes) {
    for (size_t d = 0; d < kDims; ++d) {
      const Half* const from = p.w + (first + std::min(d, dims - 1)) * stride + c;
      std::copy_n(from, kHalfLanes, w + c * kDims + d * kHalfLanes);
    }
  }
  const __m512 scale = _mm512_set1_ps(p.scale);
  __mmask32 lost = 0;
  for (size_t row = 0; row < p.rows; row += kRows) {
    const Half* x[kRows];
    __m512h sum[kLanes];
#pragma GCC unroll 16
    for (size_t r = 0; r < kRows; ++r) x[r] = p.x + std::min(row + r, p.rows - 1) * stride;
#pragma GCC unroll 16
    for (size_t i = 0; i < kLanes; ++i) sum[i] = _mm512_setzero_ph();
    for (size_t c = 0; c < stride; c += kHalfLanes) {
#pragma GCC unroll 16
      for (size_t i = 0; i < kLanes; ++i) {
        sum[i] = _mm512_fmadd_ph(_mm512_loadu_ph(x[i / kDims] + c),
                                 _mm512_load_ph(w + c * kDims + i % kDims * kHalfLanes), sum[i]);
      }
    }
    const __m256i sums = _mm256_castph_si256(SumsAcross(sum));
    lost |= Lost(_mm512_castsi512_ph(_mm512_zextsi256_si512(sums)));
    alignas(64) float y[kLanes];
    _mm512_store_ps(y, _mm512_mul_ps(scale, Floats(sums)));
    for (size_t r = 0; r < std::min(kRows, p.rows - row); ++r) {
      std::copy_n(y + r * kDims, dims, p.y + (row + r) * p.dims + first);
    }
  }
  return lost;
}

bool DotHalves(const HalfDots& p) {
  __mmask32 lost = 0;
  for (size_t d = 0; d < p.dims; d += kLanes) {
    const size_t dims = p.dims - d;
    lost |= dims <= 4 ? DotRows<4>(p, d) : dims <= 8 ? DotRows<8>(p, d) : DotRows<16>(p, d);
  }
  return lost == 0;
}

void ToHalves(const float* x, float scale, size_t rows, size_t columns, Half* halves) {
  const __m512 factor = _mm512_set1_ps(scale);
  const size_t stride = HalfStride(columns);
  for (size_t r = 0; r < rows; ++r, x += columns, halves += stride) {
    for (size_t c = 0; c < stride; c += kLanes) {
      const __mmask16 lanes = FirstLanes(columns - std::min(c, columns));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(halves + c),
                          Rounded(x + std::min(c, columns), lanes, factor));
    }
  }
}

void ToPairs(const float* x, float scale, size_t count, HalfPair* pairs) {
  const __m512 factor = _mm512_set1_ps(scale);
  for (size_t i = 0; i < count; i += kLanes) {
    const __mmask16 lanes = FirstLanes(count - i);
    const __m512i once = _mm512_cvtepu16_epi32(Rounded(x + i, lanes, factor));
    _mm512_mask_storeu_epi32(pairs + i, lanes, _mm512_or_si512(once, _mm512_slli_epi32(once, 16)));
  }
}

// Squares of 8, whose rows are 16 bytes: both sides are read and written in pieces of that size.
void TransposeHalves(const Half* halves, size_t stride, size_t rows, size_t columns, Half* transposed,
                     size_t transposed_stride) {
  constexpr size_t kSide = 8;
  for (size_t c = 0; c < columns; c += kSide) {
    size_t r = 0;
    for (; r + kSide <= rows; r += kSide) {
      __m128i from[kSide];
      __m128i to[kSide];
#pragma GCC unroll 8
      for (size_t i = 0; i < kSide; ++i) {
        from[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(halves + (r + i) * stride + c));
      }
      // Three times, each row with the one four behind it: their numbers in turns.
      for (size_t step = 0; step < 3; ++step) {
#pragma GCC unroll 4
        for (size_t i = 0; i < kSide / 2; ++i) {
          to[2 * i] = _mm_unpacklo_epi16(from[i], from[i + kSide / 2]);
          to[2 * i + 1] = _mm_unpackhi_epi16(from[i], from[i + kSide / 2]);
        }
        std::swap(from, to);
      }
#pragma GCC unroll 8
      for (size_t i = 0; i < std::min(kSide, columns - c); ++i) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(transposed + (c + i) * transposed_stride + r), from[i]);
      }
    }
    for (; r < rows; ++r) {
      for (size_t i = c; i < std::min(c + kSide, columns); ++i) {
        transposed[i * transposed_stride + r] = halves[r * stride + i];
      }
    }
  }
}

}  // namespace
}  // namespace adscore::trainer
HWY_POP_ATTRIBUTES
#endif  // ADSCORE_HALF_PRODUCTS

namespace adscore::trainer {

float HalfDeltaScale(size_t rows, double mean_weight) {
  constexpr double kScale = 128;
  const double share = mean_weight / static_cast<double>(rows);
  return static_cast<float>(kScale * std::exp2(-std::round(std::log2(share))));
}

const HalfKernels* FindHalfKernels() {
#if ADSCORE_HALF_PRODUCTS
  static constexpr HalfKernels kKernels = {MultiplyHalves, SumRowsOfHalves, DotHalves,
                                           ToHalves,       ToPairs,         TransposeHalves};
  if (__builtin_cpu_supports("avx512fp16") != 0) return &kKernels;
#endif
  return nullptr;
}

}  // namespace adscore::trainer

// Matrix products over narrow weights, bf16 or int8, in f32 arithmetic: half or a quarter of the bytes to
// read, the same instructions as f32 once a weight is unpacked. Compiled once per instruction set: included
// by kernel_set.cc, after dense-inl.h, and by nothing else.
//
// A panel is laid out as for f32, but a 32-bit word holds the weights of one column for two (bf16) or four
// (int8) rows of depth, the first one in the lowest bits. An int8 panel begins with a scale for each of its
// columns: a weight is its integer times that, and the largest of a column is 127.
//
// Thread-safe: pure functions.
#if defined(ADSCORE_MODEL_KERNELS_NARROW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ADSCORE_MODEL_KERNELS_NARROW_INL_H_
#undef ADSCORE_MODEL_KERNELS_NARROW_INL_H_
#else
#define ADSCORE_MODEL_KERNELS_NARROW_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "model/kernels/dense-inl.h"

HWY_BEFORE_NAMESPACE();
namespace adscore::model::HWY_NAMESPACE {
namespace {

using U32Lanes = hn::RebindToUnsigned<Floats>;
using WordVector = hn::Vec<U32Lanes>;

// Weights of 16 bits: the upper half of a float, rounded to the nearest.
struct Bf16 {
  static constexpr size_t kPerWord = 2;
  static constexpr bool kScaled = false;

  static uint32_t Encode(float weight, float /*scale*/) {
    const uint32_t bits = std::bit_cast<uint32_t>(weight);
    return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;  // ties to even
  }
  template <size_t kIndex>
  static HWY_INLINE Vector Decode(WordVector word) {
    const U32Lanes du;
    return hn::BitCast(Floats(),
                       kIndex == 0 ? hn::ShiftLeft<16>(word) : hn::And(word, hn::Set(du, 0xffff0000u)));
  }
};

// Weights of 8 bits.
struct Int8 {
  static constexpr size_t kPerWord = 4;
  static constexpr bool kScaled = true;

  static uint32_t Encode(float weight, float scale) {
    return static_cast<uint8_t>(static_cast<int8_t>(scale == 0 ? 0 : std::lrint(weight / scale)));
  }
  template <size_t kIndex>
  static HWY_INLINE Vector Decode(WordVector word) {
    const hn::RebindToSigned<Floats> di;
    const auto top = hn::BitCast(di, hn::ShiftLeft<24 - 8 * static_cast<int>(kIndex)>(word));
    return hn::ConvertTo(Floats(), hn::ShiftRight<24>(top));
  }
};

template <typename Narrow>
constexpr size_t WordsPerColumn(size_t depth) {
  return (depth + Narrow::kPerWord - 1) / Narrow::kPerWord + (Narrow::kScaled ? 1 : 0);
}

template <typename Narrow>
size_t NarrowPackedFloats(size_t depth, size_t columns) {
  return (columns + kPanelColumns - 1) / kPanelColumns * kPanelColumns * WordsPerColumn<Narrow>(depth);
}

template <typename Narrow>
void NarrowPack(const float* w, size_t depth_stride, size_t column_stride, size_t depth, size_t columns,
                float* packed) {
  for (size_t first = 0; first < columns; first += kPanelColumns) {
    float* panel = packed + first * WordsPerColumn<Narrow>(depth);
    for (size_t c = 0; c < kPanelColumns; ++c) {
      const bool padding = first + c >= columns;
      const float* column = w + (first + c) * column_stride;
      float scale = 0;
      for (size_t k = 0; Narrow::kScaled && !padding && k < depth; ++k) {
        scale = std::max(scale, std::fabs(column[k * depth_stride]) / 127.0f);
      }
      float* to = panel + c;
      if (Narrow::kScaled) {
        *to = scale;
        to += kPanelColumns;
      }
      for (size_t k = 0; k < depth; k += Narrow::kPerWord, to += kPanelColumns) {
        uint32_t word = 0;
        for (size_t i = 0; !padding && i < Narrow::kPerWord && k + i < depth; ++i) {
          word |= Narrow::Encode(column[(k + i) * depth_stride], scale) << (32 / Narrow::kPerWord * i);
        }
        std::memcpy(to, &word, sizeof(word));
      }
    }
  }
}

// One weight of each column of a word row, against x at its depth.
template <typename Narrow, size_t kIndex, size_t kRows, size_t kVectors>
HWY_INLINE void AddProducts(const DenseArgs& a, const float* x, const WordVector (&words)[kVectors],
                            Vector (&sum)[kRows][kVectors]) {
  Vector w[kVectors];
#pragma GCC unroll 16
  for (size_t v = 0; v < kVectors; ++v) w[v] = Narrow::template Decode<kIndex>(words[v]);
#pragma GCC unroll 16
  for (size_t r = 0; r < kRows; ++r) {
    const Vector xr = hn::Set(Floats(), x[r * a.x_row_stride]);
#pragma GCC unroll 16
    for (size_t v = 0; v < kVectors; ++v) sum[r][v] = hn::MulAdd(xr, w[v], sum[r][v]);
  }
}

template <typename Narrow, size_t kRows, size_t kPanels>
HWY_INLINE void NarrowTile(const DenseArgs& a, size_t row, size_t column) {
  constexpr size_t kVectors = kPanels * kPanelVectors;
  const Floats d;
  const U32Lanes du;
  Vector sum[kRows][kVectors];
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kVectors; ++v) {
      sum[r][v] = Narrow::kScaled ? hn::Zero(d) : LoadInit(a, row + r, column + v * kLanes);
    }
  }
  const size_t panel_floats = WordsPerColumn<Narrow>(a.depth) * kPanelColumns;
  const float* const panels = a.packed + column * WordsPerColumn<Narrow>(a.depth);
  const auto vector_at = [&](const float* base, size_t v) {
    return base + (v / kPanelVectors) * panel_floats + (v % kPanelVectors) * kLanes;
  };
  const float* at = panels + (Narrow::kScaled ? kPanelColumns : 0);
  const float* x = a.x + row * a.x_row_stride;
  for (size_t k = 0; k < a.depth; k += Narrow::kPerWord) {
    WordVector words[kVectors];
    for (size_t v = 0; v < kVectors; ++v) {
      words[v] = hn::Load(du, reinterpret_cast<const uint32_t*>(vector_at(at, v)));
    }
    at += kPanelColumns;
    const size_t left = a.depth - k;  // in the last word the weights may be fewer: x ends where they do
    AddProducts<Narrow, 0>(a, x, words, sum);
    if (left > 1) AddProducts<Narrow, 1>(a, x + a.x_depth_stride, words, sum);
    if constexpr (Narrow::kPerWord == 4) {
      if (left > 2) AddProducts<Narrow, 2>(a, x + 2 * a.x_depth_stride, words, sum);
      if (left > 3) AddProducts<Narrow, 3>(a, x + 3 * a.x_depth_stride, words, sum);
    }
    x += Narrow::kPerWord * a.x_depth_stride;
  }
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kVectors; ++v) {
      const size_t c = column + v * kLanes;
      if (Left(a.columns, c) == 0) break;
      const Vector result =
          Narrow::kScaled ? hn::MulAdd(sum[r][v], hn::Load(d, vector_at(panels, v)), LoadInit(a, row + r, c))
                          : sum[r][v];
      StoreResult(a, result, row + r, c);
    }
  }
}

template <typename Narrow, size_t kRows>
HWY_INLINE void NarrowLastRows(const DenseArgs& a, size_t row, size_t rows) {
  if constexpr (kRows > 0) {
    if (rows != kRows) return NarrowLastRows<Narrow, kRows - 1>(a, row, rows);
    constexpr size_t kPanels = kRows == 1 ? 4 : kRows < 4 ? 2 : 1;
    size_t column = 0;
    for (; column + (kPanels - 1) * kPanelColumns < a.columns; column += kPanels * kPanelColumns) {
      NarrowTile<Narrow, kRows, kPanels>(a, row, column);
    }
    for (; column < a.columns; column += kPanelColumns) NarrowTile<Narrow, kRows, 1>(a, row, column);
  }
}

template <typename Narrow>
void NarrowDense(const DenseArgs& a) {
  const size_t full = a.rows / kTileRows * kTileRows;
  for (size_t column = 0; full > 0 && column < a.columns; column += kPanelColumns) {
    for (size_t row = 0; row < full; row += kTileRows) NarrowTile<Narrow, kTileRows, 1>(a, row, column);
  }
  NarrowLastRows<Narrow, kTileRows - 1>(a, full, a.rows - full);
}

}  // namespace
}  // namespace adscore::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard

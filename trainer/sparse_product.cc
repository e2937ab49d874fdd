#include "trainer/sparse_product.h"

#include <algorithm>
#include <bit>

#include "model/aligned.h"
#include "trainer/sparse_tiles.h"

// As in model/kernels/kernel_set.cc: AVX3_DL would be the same code again, and vectors of unknown length
// can't be held in arrays.
#define HWY_DISABLED_TARGETS (HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "trainer/sparse_product.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "trainer/sparse_panels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace adscore::trainer::HWY_NAMESPACE {

#if HWY_TARGET <= HWY_AVX3
namespace {

// Rows, and vectors of columns, whose sums are in registers: of 32 there are 25 for sums, 5 for weights and
// one for x. More rows would pass over less, more columns would read more.
constexpr size_t kRowsOfTile = 5;
constexpr size_t kMostVectors = 5;
using Rows = TileRows<kRowsOfTile, kPassDepth>;

// kVectors vectors of columns from `column` on.
template <size_t kRows, size_t kVectors, class D>
HWY_INLINE void Tile(D d, const SparseProduct& p, const Rows& rows, size_t column) {
  const size_t lanes = hn::Lanes(d);
  hn::Vec<D> sum[kRows][kVectors];
  const float* x[kRows];
#pragma GCC unroll 5
  for (size_t r = 0; r < kRows; ++r) {
    x[r] =
        rows.count == 0 ? nullptr : p.x + rows.row[r] * p.x_row_stride + rows.first_depth * p.x_depth_stride;
    const float* const y = p.y + rows.row[r] * p.y_stride + column;
#pragma GCC unroll 5
    for (size_t v = 0; v < kVectors; ++v) {
      if (!rows.begin) {
        sum[r][v] = hn::LoadU(d, y + v * lanes);
      } else if (p.first != nullptr) {
        sum[r][v] = hn::LoadU(d, p.first + rows.row[r] * p.first_stride + column + v * lanes);
      } else {
        sum[r][v] = hn::Zero(d);
      }
    }
  }
  const float* const first_w = rows.count == 0 ? nullptr : p.w + rows.first_depth * p.w_stride + column;
  const size_t count = rows.count;
#pragma GCC unroll 4
  for (size_t i = 0; i < count; ++i) {
    const float* const w = first_w + rows.w_at[i];
    const size_t x_at = rows.x_at[i];
    hn::Vec<D> weights[kVectors];
#pragma GCC unroll 5
    for (size_t v = 0; v < kVectors; ++v) weights[v] = hn::LoadU(d, w + v * lanes);
#pragma GCC unroll 5
    for (size_t r = 0; r < kRows; ++r) {
      const auto number = hn::Set(d, x[r][x_at]);
#pragma GCC unroll 5
      for (size_t v = 0; v < kVectors; ++v) sum[r][v] = hn::MulAdd(number, weights[v], sum[r][v]);
    }
  }
#pragma GCC unroll 5
  for (size_t r = 0; r < kRows; ++r) {
    float* const y = p.y + rows.row[r] * p.y_stride + column;
#pragma GCC unroll 5
    for (size_t v = 0; v < kVectors; ++v) {
      const auto value = p.relu && rows.end ? hn::Max(sum[r][v], hn::Zero(d)) : sum[r][v];
      hn::StoreU(value, d, y + v * lanes);
    }
  }
}

// As many columns as vectors of D fill, kVectors at a time and then what is left; returns where it ended.
template <size_t kRows, size_t kVectors, class D>
HWY_INLINE size_t Columns(D d, const SparseProduct& p, const Rows& rows, size_t column) {
  const size_t together = kVectors * hn::Lanes(d);
  for (; column + together <= p.columns; column += together) Tile<kRows, kVectors>(d, p, rows, column);
  if constexpr (kVectors > 1) column = Columns<kRows, kVectors - 1>(d, p, rows, column);
  return column;
}

struct Kernel {
  using Rows = HWY_NAMESPACE::Rows;

  static void List(uint64_t bits, uint32_t first, uint32_t w_stride, uint32_t x_stride, uint32_t* w_at,
                   uint32_t* x_at) {
    const hn::CappedTag<uint32_t, Rows::kOver> d;
    const size_t lanes = hn::Lanes(d);
    for (size_t i = 0; i < kActiveBits; i += lanes) {
      const uint64_t some = bits >> i & ((uint64_t{1} << lanes) - 1);
      const uint8_t mask_bits[8] = {static_cast<uint8_t>(some), static_cast<uint8_t>(some >> 8)};
      const auto k =
          hn::Compress(hn::Iota(d, first + static_cast<uint32_t>(i)), hn::LoadMaskBits(d, mask_bits));
      hn::StoreU(hn::Mul(k, hn::Set(d, w_stride)), d, w_at);
      hn::StoreU(hn::Mul(k, hn::Set(d, x_stride)), d, x_at);
      const auto count = static_cast<size_t>(std::popcount(some));
      w_at += count;
      x_at += count;
    }
  }

  template <size_t kRows>
  void AllColumns(const SparseProduct& p, const Rows& rows) {
    size_t column = Columns<kRows, kMostVectors>(hn::ScalableTag<float>(), p, rows, 0);
    column = Columns<kRows, 1>(hn::CappedTag<float, 8>(), p, rows, column);
    column = Columns<kRows, 1>(hn::CappedTag<float, 4>(), p, rows, column);
    Columns<kRows, 1>(hn::CappedTag<float, 1>(), p, rows, column);
  }
};

}  // namespace

void MultiplyOnTarget(const SparseProduct& p) {
  Kernel kernel;
  MultiplyTiles(p, &kernel);
}

#else
void MultiplyOnTarget(const SparseProduct& p) { MultiplyPanels(p); }
#endif

void FindActiveOnTarget(const float* x, size_t rows, size_t columns, uint64_t* by_row, uint64_t* by_column) {
  const size_t words = ActiveWords(columns);
  std::fill_n(by_row, rows * words, uint64_t{0});
  // A bit of each row comes in at the top and moves down as others follow: 32 of them, then the next 32.
  const auto find = [&](auto d, size_t c) HWY_ATTR {
    const hn::RebindToUnsigned<decltype(d)> du;
    const size_t lanes = hn::Lanes(d);
    uint32_t bits[HWY_MAX_BYTES / sizeof(float)];
    for (size_t half = 0; half < kActiveBits; half += 32) {
      auto column_bits = hn::Zero(du);
      const size_t last = std::min(rows, half + 32);
      for (size_t r = half; r < last; ++r) {
        const auto on = hn::Ne(hn::LoadU(d, x + r * columns + c), hn::Zero(d));
        column_bits = hn::Or(hn::ShiftRight<1>(column_bits),
                             hn::IfThenElseZero(hn::RebindMask(du, on), hn::Set(du, 0x80000000U)));
        uint8_t row_bits[8] = {};
        hn::StoreMaskBits(d, on, row_bits);
        by_row[r * words + c / kActiveBits] |= (row_bits[0] | uint64_t{row_bits[1]} << 8)
                                               << (c % kActiveBits);
      }
      hn::StoreU(column_bits, du, bits);
      const size_t missing = last > half ? 32 - (last - half) : 0;  // rows that did not come
      for (size_t i = 0; i < lanes; ++i) {
        const uint64_t word = bits[i] >> missing;
        by_column[c + i] = half == 0 ? word : by_column[c + i] | word << half;
      }
    }
  };
  const hn::ScalableTag<float> d;
  size_t c = 0;
  for (; c + hn::Lanes(d) <= columns; c += hn::Lanes(d)) find(d, c);
  for (; c < columns; ++c) find(hn::CappedTag<float, 1>(), c);
}

}  // namespace adscore::trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace adscore::trainer {

HWY_EXPORT(MultiplyOnTarget);
HWY_EXPORT(FindActiveOnTarget);

void Multiply(const SparseProduct& product) { HWY_DYNAMIC_DISPATCH(MultiplyOnTarget)(product); }

// Square by square, so that lines of either are read and written whole.
void Transpose(const float* from, size_t rows, size_t columns, size_t first, size_t last, float* to,
               size_t to_stride) {
  constexpr size_t kSide = model::kAlignment / sizeof(float);
  float square[kSide][kSide];
  for (size_t c = first; c < last; c += kSide) {
    const size_t width = std::min(kSide, last - c);
    for (size_t r = 0; r < rows; r += kSide) {
      const size_t height = std::min(kSide, rows - r);
      if (width == kSide && height == kSide) {
        for (size_t i = 0; i < kSide; ++i) {
          for (size_t j = 0; j < kSide; ++j) square[j][i] = from[(r + i) * columns + c + j];
        }
        for (size_t j = 0; j < kSide; ++j) std::copy_n(square[j], kSide, to + (c + j) * to_stride + r);
        continue;
      }
      for (size_t j = 0; j < width; ++j) {
        for (size_t i = 0; i < height; ++i) to[(c + j) * to_stride + r + i] = from[(r + i) * columns + c + j];
      }
    }
  }
}

void FindActive(const float* x, size_t rows, size_t columns, uint64_t* by_row, uint64_t* by_column) {
  HWY_DYNAMIC_DISPATCH(FindActiveOnTarget)(x, rows, columns, by_row, by_column);
}

}  // namespace adscore::trainer
#endif  // HWY_ONCE

// Multiply() of sparse_product.h without AVX-512, where 16 vector registers leave no room for a tile of many
// rows that reads each weight seldom. So a few columns of the weights, at some of the depths, are kept
// in the first-level cache for many rows, and two of these are multiplied at a time: then reading keeps up
// with the multiply-adds, and less is multiplied by 0 than with more rows. What rows have that is not 0 is
// listed once for all columns. Compiled once per instruction set: included by sparse_product.cc, and by
// nothing else.
//
// Thread-safe: pure functions.
#if defined(ADSCORE_TRAINER_SPARSE_PANELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ADSCORE_TRAINER_SPARSE_PANELS_INL_H_
#undef ADSCORE_TRAINER_SPARSE_PANELS_INL_H_
#else
#define ADSCORE_TRAINER_SPARSE_PANELS_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "model/kernels/registers-inl.h"
#include "trainer/sparse_product.h"

HWY_BEFORE_NAMESPACE();
namespace adscore::trainer::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr size_t kPair = 2;  // rows
// Vectors of columns: with ten sums, two numbers of x and a weight, three registers are left.
constexpr size_t kPanelVectors = 5;
// What is kept of a panel is 20 KB with vectors of 32 bytes.
constexpr size_t kPanelWords = 2;
constexpr size_t kPanelDepth = kPanelWords * kActiveBits;
constexpr size_t kPanelRows = 64;

// A depth at which a row of a pair is not 0.
struct Listed {
  uint32_t w_at;  // from the first depth that could be listed
  float x[kPair];
};
// Some rows of a product, at some of its depths.
struct PanelRows {
  size_t row[kPanelRows];
  size_t rows = 0;
  size_t first_depth = 0;
  size_t depths = 0;
  // Unless nothing is passed over: of each pair, from first[pair] to the next one's.
  size_t first[kPanelRows / kPair + 1];
  Listed listed[kPanelRows / kPair * kPanelDepth];
};

// Moves each row's likest behind it, so that a pair is 0 at as many depths as can be: a tenth less is left to
// multiply than with rows as they come. Looks at kWords of the rows' words of bits, of which there are at
// least as many: a few tell about as much as all.
template <size_t kWords>
HWY_INLINE void PairRows(const SparseProduct& p, PanelRows* rows) {
  uint64_t bits[kPanelRows][kWords];
  const size_t words = ActiveWords(p.depth);
  for (size_t r = 0; r < rows->rows; ++r) {
    for (size_t i = 0; i < kWords; ++i) bits[r][i] = p.active.Word(rows->row[r], i * words / kWords);
  }
  for (size_t r = 0; r + kPair < rows->rows; r += kPair) {
    size_t likest = r + 1;
    int least = INT_MAX;
    for (size_t other = r + 1; other < rows->rows; ++other) {
      int differences = 0;
#pragma GCC unroll 8
      for (size_t i = 0; i < kWords; ++i) differences += std::popcount(bits[r][i] ^ bits[other][i]);
      likest = differences < least ? other : likest;
      least = std::min(least, differences);
    }
    std::swap(rows->row[r + 1], rows->row[likest]);
    std::swap(bits[r + 1], bits[likest]);
  }
}

HWY_INLINE void ListPairs(const SparseProduct& p, PanelRows* rows) {
  const size_t first_word = rows->first_depth / kActiveBits;
  const size_t words = ActiveWords(rows->depths);
  Listed* to = rows->listed;
  size_t pair = 0;
  for (size_t r = 0; r < rows->rows; r += kPair) {
    rows->first[pair++] = static_cast<size_t>(to - rows->listed);
    const size_t row0 = rows->row[r];
    const size_t row1 = rows->row[std::min(r + 1, rows->rows - 1)];  // of the last one alone: twice
    const float* const x0 = p.x + row0 * p.x_row_stride + rows->first_depth * p.x_depth_stride;
    const float* const x1 = p.x + row1 * p.x_row_stride + rows->first_depth * p.x_depth_stride;
    for (size_t word = 0; word < words; ++word) {
      uint64_t bits = p.active.Word(row0, first_word + word) | p.active.Word(row1, first_word + word);
      for (; bits != 0; bits &= bits - 1, ++to) {
        const size_t k = word * kActiveBits + static_cast<size_t>(std::countr_zero(bits));
        *to = {static_cast<uint32_t>(k * p.w_stride), {x0[k * p.x_depth_stride], x1[k * p.x_depth_stride]}};
      }
    }
  }
  rows->first[pair] = static_cast<size_t>(to - rows->listed);
}

template <size_t kRows, size_t kVectors, class D>
HWY_INLINE void PanelStep(D d, const float* w, const float (&x)[kRows], hn::Vec<D> (&sum)[kRows][kVectors]) {
  hn::Vec<D> spread[kRows];
#pragma GCC unroll 2
  for (size_t r = 0; r < kRows; ++r) spread[r] = hn::Set(d, x[r]);
#pragma GCC unroll 5
  for (size_t v = 0; v < kVectors; ++v) {
    auto weights = hn::LoadU(d, w + v * hn::Lanes(d));
    if (kRows > 1) model::HWY_NAMESPACE::KeepInRegister(&weights);
#pragma GCC unroll 2
    for (size_t r = 0; r < kRows; ++r) sum[r][v] = hn::MulAdd(spread[r], weights, sum[r][v]);
  }
}

// kRows rows from `first_row` on, and kVectors vectors of columns from `column` on.
template <size_t kRows, size_t kVectors, class D>
HWY_INLINE void PanelTile(D d, const SparseProduct& p, const PanelRows& rows, size_t first_row,
                          size_t column) {
  const size_t lanes = hn::Lanes(d);
  hn::Vec<D> sum[kRows][kVectors];
#pragma GCC unroll 2
  for (size_t r = 0; r < kRows; ++r) {
    const size_t row = rows.row[first_row + r];
    const float* const from = rows.first_depth > 0 ? p.y + row * p.y_stride
                              : p.first != nullptr ? p.first + row * p.first_stride
                                                   : nullptr;
#pragma GCC unroll 5
    for (size_t v = 0; v < kVectors; ++v) {
      sum[r][v] = from == nullptr ? hn::Zero(d) : hn::LoadU(d, from + column + v * lanes);
    }
  }
  const float* w = p.w + rows.first_depth * p.w_stride + column;
  if (p.active.words != nullptr) {
    const Listed* const end = rows.listed + rows.first[first_row / kPair + 1];
    for (const Listed* at = rows.listed + rows.first[first_row / kPair]; at != end; ++at) {
      float x[kRows];
#pragma GCC unroll 2
      for (size_t r = 0; r < kRows; ++r) x[r] = at->x[r];
      PanelStep<kRows, kVectors>(d, w + at->w_at, x, sum);
    }
  } else {
    const size_t x_at = rows.first_depth * p.x_depth_stride;
    const float* x0 = p.x + rows.row[first_row] * p.x_row_stride + x_at;
    const float* x1 = p.x + rows.row[first_row + kRows - 1] * p.x_row_stride + x_at;
    for (size_t k = 0; k < rows.depths; ++k) {
      float x[kRows];
      x[0] = *x0;
      x[kRows - 1] = *x1;
      PanelStep<kRows, kVectors>(d, w, x, sum);
      w += p.w_stride;
      x0 += p.x_depth_stride;
      x1 += p.x_depth_stride;
    }
  }
  const bool relu = p.relu && rows.first_depth + rows.depths == p.depth;
#pragma GCC unroll 2
  for (size_t r = 0; r < kRows; ++r) {
    float* const y = p.y + rows.row[first_row + r] * p.y_stride + column;
#pragma GCC unroll 5
    for (size_t v = 0; v < kVectors; ++v) {
      hn::StoreU(relu ? hn::Max(sum[r][v], hn::Zero(d)) : sum[r][v], d, y + v * lanes);
    }
  }
}

template <size_t kVectors, class D>
void Panel(D d, const SparseProduct& p, const PanelRows& rows, size_t column) {
  size_t row = 0;
  for (; row + kPair <= rows.rows; row += kPair) PanelTile<kPair, kVectors>(d, p, rows, row, column);
  if (row < rows.rows) PanelTile<1, kVectors>(d, p, rows, row, column);
}

template <size_t kVectors, class D>
HWY_INLINE void PanelOf(D d, size_t vectors, const SparseProduct& p, const PanelRows& rows, size_t column) {
  if (vectors == kVectors) return Panel<kVectors>(d, p, rows, column);
  if constexpr (kVectors > 1) PanelOf<kVectors - 1>(d, vectors, p, rows, column);
}

HWY_INLINE void MultiplyPanels(const SparseProduct& p) {
  const hn::CappedTag<float, 8> d;
  const size_t lanes = hn::Lanes(d);
  const size_t vectors = p.columns / lanes;
  const size_t panels = (vectors + kPanelVectors - 1) / kPanelVectors;
  PanelRows rows;
  for (size_t first = 0; first < p.rows; first += kPanelRows) {
    rows.rows = std::min(kPanelRows, p.rows - first);
    for (size_t r = 0; r < rows.rows; ++r) rows.row[r] = p.order == nullptr ? first + r : p.order[first + r];
    if (p.active.words != nullptr) {
      if (p.depth > 4 * kActiveBits) {
        PairRows<5>(p, &rows);
      } else if (p.depth > kActiveBits) {
        PairRows<2>(p, &rows);
      }
    }
    rows.first_depth = 0;
    do {  // once also if there is no depth
      rows.depths = std::min(kPanelDepth, p.depth - rows.first_depth);
      if (p.active.words != nullptr) ListPairs(p, &rows);
      size_t column = 0;
      for (size_t panel = 0; panel < panels; ++panel) {  // even shares: narrow ones are slow
        const size_t end = vectors * (panel + 1) / panels * lanes;
        PanelOf<kPanelVectors>(d, (end - column) / lanes, p, rows, column);
        column = end;
      }
      for (; column < p.columns; ++column) Panel<1>(hn::CappedTag<float, 1>(), p, rows, column);
      rows.first_depth += rows.depths;
    } while (rows.first_depth < p.depth);
  }
}

}  // namespace
}  // namespace adscore::trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard

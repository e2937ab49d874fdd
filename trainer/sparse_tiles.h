// What the products of sparse_product.cc and half_product.cc have in common: which depths of which rows are
// multiplied together.
//
// Thread-safe: pure functions.
#pragma once

#include <hwy/base.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "trainer/sparse_product.h"

namespace adscore::trainer {

// Depths that are listed at a time.
inline constexpr size_t kListed = 512;

// A depth: where its numbers begin in w and in a row of x, from the first listed depth's on. To multiply here
// what is the same for all columns would take as long as two or three of the inner loop's multiply-adds.
struct Step {
  uint32_t w;
  uint32_t x;
};

// Some of a product's rows, and the depths at which they are multiplied.
template <size_t kTogether>
struct TileRows {
  size_t row[kTogether];
  Step steps[kListed];
  size_t count = 0;
  size_t first_depth = 0;  // of those that `steps` are of
  bool begin = true;       // the first depths of all
  bool end = true;         // the last ones
};

// The depths of the words [first, last) at which any of the `count` rows has a bit; all without `active`.
template <class Product, size_t kTogether>
HWY_INLINE void ListDepths(const Product& p, size_t count, size_t first, size_t last,
                           TileRows<kTogether>* rows) {
  const size_t words = ActiveWords(p.depth);
  rows->count = 0;
  rows->first_depth = first * kActiveBits;
  for (size_t word = first; word < last; ++word) {
    uint64_t bits = ~uint64_t{0};
    if (p.active != nullptr) {
      bits = 0;
      for (size_t r = 0; r < count; ++r) bits |= p.active[rows->row[r] * words + word];
    } else if (p.depth - word * kActiveBits < kActiveBits) {
      bits = (uint64_t{1} << (p.depth % kActiveBits)) - 1;
    }
    for (; bits != 0; bits &= bits - 1) {
      const size_t k = (word - first) * kActiveBits + static_cast<size_t>(std::countr_zero(bits));
      rows->steps[rows->count++] = {static_cast<uint32_t>(k * p.w_stride),
                                    static_cast<uint32_t>(k * p.x_depth_stride)};
    }
  }
}

template <size_t kRows, class Kernel, class Product, size_t kTogether>
HWY_INLINE void CallAllColumns(size_t count, const Product& p, const TileRows<kTogether>& rows,
                               Kernel* kernel) {
  if (count == kRows) return kernel->template AllColumns<kRows>(p, rows);
  if constexpr (kRows > 1) CallAllColumns<kRows - 1>(count, p, rows, kernel);
}

// Calls kernel->AllColumns<number of rows>(p, rows) for all rows of p, Kernel::kTogether or almost as many at
// a time, and all depths of theirs, kListed at a time.
template <class Kernel, class Product>
HWY_INLINE void MultiplyTiles(const Product& p, Kernel* kernel) {
  constexpr size_t kTogether = Kernel::kTogether;
  const size_t words = ActiveWords(p.depth);
  const size_t tiles = (p.rows + kTogether - 1) / kTogether;
  TileRows<kTogether> rows;
  size_t word = 0;
  do {  // once also if there is no depth
    const size_t last = std::min(word + kListed / kActiveBits, words);
    rows.begin = word == 0;
    rows.end = last == words;
    if (p.active == nullptr) ListDepths(p, 0, word, last, &rows);
    for (size_t tile = 0; tile < tiles; ++tile) {
      const size_t first = p.rows * tile / tiles;  // even shares: small tiles are slow
      const size_t count = p.rows * (tile + 1) / tiles - first;
      for (size_t r = 0; r < count; ++r) rows.row[r] = p.order == nullptr ? first + r : p.order[first + r];
      if (p.active != nullptr) ListDepths(p, count, word, last, &rows);
      CallAllColumns<kTogether>(count, p, rows, kernel);
    }
    word = last;
  } while (word < words);
}

}  // namespace adscore::trainer

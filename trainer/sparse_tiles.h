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

// Depths that all rows are multiplied at before the next ones, so that what is read of w stays in the
// second-level cache.
inline constexpr size_t kPassDepth = 512;
inline constexpr size_t kPassWords = kPassDepth / kActiveBits;

// Some of a product's rows, and the depths at which they are multiplied: where each one's numbers begin in w
// and in a row of x, from the first depth's on that could be listed. To multiply in the inner loop what is
// the same for all columns would take as long as two or three of its multiply-adds.
//
// kDepths: as many at a time, but that they fill whole words of bits, and that no list is much shorter than
// others.
template <size_t kRows, size_t kDepths>
struct TileRows {
  static constexpr size_t kTogether = kRows;
  // Numbers that may be written behind a list, so as to write whole vectors.
  static constexpr size_t kOver = 16;
  static constexpr size_t kListed = ActiveWords(kDepths) * kActiveBits;

  // Lists that the depths are dealt out to: as ceil(words / lists) is at most ceil(kDepths / kActiveBits),
  // none is longer than kListed.
  static constexpr size_t Lists(size_t depths) {
    return depths > kDepths ? (depths + kDepths - 1) / kDepths : 1;
  }

  size_t row[kRows];
  uint32_t w_at[kListed + kOver];
  uint32_t x_at[kListed + kOver];
  size_t count = 0;
  size_t first_depth = 0;
  bool begin = true;  // the first depths of all
  bool end = true;    // the last ones
};

// The depths of the words [first, last) at which any of the `count` rows has a bit; all without `active`.
template <class Kernel, class Product>
HWY_INLINE void ListDepths(const Product& p, size_t count, size_t first, size_t last,
                           typename Kernel::Rows* rows) {
  rows->count = 0;
  rows->first_depth = first * kActiveBits;
  for (size_t word = first; word < last; ++word) {
    uint64_t bits = ~uint64_t{0};
    if (p.active.words != nullptr) {
      bits = 0;
      for (size_t r = 0; r < count; ++r) bits |= p.active.Word(rows->row[r], word);
    } else if (p.depth - word * kActiveBits < kActiveBits) {
      bits = (uint64_t{1} << (p.depth % kActiveBits)) - 1;
    }
    Kernel::List(bits, static_cast<uint32_t>((word - first) * kActiveBits), static_cast<uint32_t>(p.w_stride),
                 static_cast<uint32_t>(p.x_depth_stride), rows->w_at + rows->count, rows->x_at + rows->count);
    rows->count += static_cast<size_t>(std::popcount(bits));
  }
}

template <size_t kRows, class Kernel, class Product>
HWY_INLINE void CallAllColumns(size_t count, const Product& p, const typename Kernel::Rows& rows,
                               Kernel* kernel) {
  if (count == kRows) return kernel->template AllColumns<kRows>(p, rows);
  if constexpr (kRows > 1) CallAllColumns<kRows - 1, Kernel>(count, p, rows, kernel);
}

// Calls kernel->AllColumns<number of rows>(p, rows) for all rows of p, as many or almost as many at a time as
// Kernel::Rows (a TileRows) has, and all depths of theirs. Which depths share a list depends on p.depth
// alone.
//
// Kernel::List(bits, k, w_stride, x_stride, w_at, x_at) lists k + i, times each stride, for each bit i that
// is 1; it may write Kernel::Rows::kOver numbers more.
template <class Kernel, class Product>
HWY_INLINE void MultiplyTiles(const Product& p, Kernel* kernel) {
  typename Kernel::Rows rows;
  constexpr size_t kTogether = Kernel::Rows::kTogether;
  const size_t words = ActiveWords(p.depth);
  const size_t tiles = (p.rows + kTogether - 1) / kTogether;
  size_t word = 0;
  do {  // once also if there is no depth
    const size_t pass = std::min(kPassWords, words - word);
    const size_t lists = Kernel::Rows::Lists(std::min(kPassDepth, p.depth - word * kActiveBits));
    const bool one_list = lists == 1 && p.active.words == nullptr;  // for all tiles
    if (one_list) ListDepths<Kernel>(p, 0, word, word + pass, &rows);
    for (size_t tile = 0; tile < tiles; ++tile) {
      const size_t first = p.rows * tile / tiles;  // even shares: small tiles are slow
      const size_t count = p.rows * (tile + 1) / tiles - first;
      for (size_t r = 0; r < count; ++r) rows.row[r] = p.order == nullptr ? first + r : p.order[first + r];
      for (size_t list = 0; list < lists; ++list) {
        const size_t begin = word + pass * list / lists;
        const size_t end = word + pass * (list + 1) / lists;
        rows.begin = begin == 0;
        rows.end = end == words;
        if (!one_list) ListDepths<Kernel>(p, count, begin, end, &rows);
        CallAllColumns<kTogether, Kernel>(count, p, rows, kernel);
      }
    }
    word += pass;
  } while (word < words);
}

}  // namespace adscore::trainer

// How the panels and the rows of a product are shared out among tiles, the same for every kernel set.
//
// Thread-safe: pure functions.
#pragma once

#include <cstddef>

namespace adscore::model {

// Panels that the next tile takes, of `left` that are left, where `most` fit into one: evenly, so that the
// last tile has not just one panel, whose few sums would wait for each other.
constexpr size_t PanelsNow(size_t left, size_t most) {
  if (left <= most) return left;  // small products: a division takes as long as all of their sums
  const size_t tiles = (left + most - 1) / most;
  return (left + tiles - 1) / tiles;
}

// Rows of the next tile, of `left` that are left for `tiles`, the larger ones first.
constexpr size_t RowsNow(size_t left, size_t tiles) { return tiles == 1 ? left : (left + tiles - 1) / tiles; }

}  // namespace adscore::model

// Products with a matrix of which much is zeros: what ReLU and dropout leave of a hidden layer, and what
// comes back through them. Some rows are multiplied together, five of them with AVX-512 and two without it,
// and a depth at which all of them are 0 is passed over. That is two fifths of all with five rows, as a rule,
// and half with two: units that are off in one row are often off in its neighbours, and some are off in
// nearly all. Sums are in the order of depth, so that finite numbers come out the same, bit for bit, whatever
// is passed over.
//
// Thread-safe: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/aligned.h"

namespace adscore::trainer {

// Of a matrix's rows, one bit for each number that is not 0, the first number in the lowest bit of a row's
// first word.
inline constexpr size_t kActiveBits = 64;
inline constexpr size_t ActiveWords(size_t numbers) { return (numbers + kActiveBits - 1) / kActiveBits; }
struct ActiveBits {
  const uint64_t* words = nullptr;
  size_t row_stride = 0;
  size_t word_stride = 1;

  uint64_t Word(size_t row, size_t word) const { return words[row * row_stride + word * word_stride]; }
};

// y[i][c] = first[i][c] + sum over k of x[i][k] · w[k][c]. Strides in numbers. X and W: how the numbers of x
// and w are written.
template <typename X, typename W>
struct SparseProductOf {
  size_t rows = 0;  // the places 0 … rows - 1 of `order`
  size_t depth = 0;
  size_t columns = 0;
  const uint32_t* order = nullptr;  // the row of x, `active` and y at each place; null: its own number
  const X* x = nullptr;
  size_t x_row_stride = 0;
  size_t x_depth_stride = 1;
  ActiveBits active = {};  // of x: ActiveWords(depth) words a row; without them nothing is passed over
  const W* w = nullptr;    // [depth][w_stride]; best on 64-byte boundaries, and w_stride SpreadStride's
  size_t w_stride = 0;
  const float* first = nullptr;  // null: 0; may be y
  size_t first_stride = 0;       // 0: the same for all rows
  float* y = nullptr;
  size_t y_stride = 0;
  bool relu = false;
};
using SparseProduct = SparseProductOf<float, float>;
void Multiply(const SparseProduct& product);

// by_row: [rows][ActiveWords(columns)], for x as it is; by_column: [columns], for its transpose, whose rows
// are `rows` <= kActiveBits numbers long. x: [rows][columns].
void FindActive(const float* x, size_t rows, size_t columns, uint64_t* by_row, uint64_t* by_column);

// An odd number of whole cache lines for so many columns: the same few columns of many rows then are in
// different sets of the first-level cache, where with an even number, as with the 256 columns of many a
// layer, most of them would drive each other out.
inline constexpr size_t SpreadStride(size_t columns) {
  constexpr size_t kLine = model::kAlignment / sizeof(float);
  return ((columns + kLine - 1) / kLine | 1) * kLine;
}

// The columns [first, last) of from: [rows][columns], as rows of to: [columns][to_stride].
void Transpose(const float* from, size_t rows, size_t columns, size_t first, size_t last, float* to,
               size_t to_stride);

}  // namespace adscore::trainer

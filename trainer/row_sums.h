// What the training loop does with rows of floats beside multiplying matrices: sums of weighted rows, which
// are what is left of a product with a matrix of zeros and ones, and the way back through ReLU. In SIMD of
// this machine's best kind.
//
// Thread-safe: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace adscore::trainer {

// A row of a matrix, and what it is multiplied by.
struct WeightedRow {
  uint32_t at;
  float factor;
};

// The lists of some sums: that of sum i is rows[begin[i]] … rows[begin[i + 1] - 1].
struct RowLists {
  std::span<const uint32_t> begin;  // [sums + 1]
  const WeightedRow* rows = nullptr;

  size_t size() const { return begin.size() - 1; }
};

// to[i][c] = first[c] + sum over the rows of list i of factor · values[at][c], for c < columns, in the order
// of the list; from 0 where `first` is null. Strides in numbers. Whole vectors are multiplied and added in
// one step and the columns after the last one in two: whoever splits the columns does it at multiples of 16.
void SumRows(const RowLists& lists, const float* first, const float* values, size_t values_stride,
             size_t columns, float* to, size_t to_stride);

// deltas[i] = scale · deltas[i] where outputs[i] > 0, and 0 elsewhere: what was off passes nothing on.
void PassBack(const float* outputs, float scale, size_t count, float* deltas);

}  // namespace adscore::trainer

// What the training loop does with rows of floats beside multiplying matrices: sums of weighted rows, which
// are what is left of a product with a matrix of zeros and ones, and the way back through ReLU. In SIMD of
// this machine's best kind.
//
// Thread-safe: pure functions.
#pragma once

#include <cstddef>
#include <span>

namespace adscore::trainer {

struct WeightedRow {
  const float* values;  // [columns]
  float weight;
};

// to[c] = first[c] + sum over rows of weight · values[c], for c < columns, in the order of the rows; from 0
// where `first` is null.
void SumRows(const float* first, std::span<const WeightedRow> rows, size_t columns, float* to);

// deltas[i] = scale · deltas[i] where outputs[i] > 0, and 0 elsewhere: what was off passes nothing on.
void PassBack(const float* outputs, float scale, size_t count, float* deltas);

}  // namespace adscore::trainer

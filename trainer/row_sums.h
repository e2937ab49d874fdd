// Sums of weighted rows of floats: what is left of a product with a matrix of zeros and ones.
//
// Thread-safe: a pure function.
#pragma once

#include <cstddef>
#include <span>

namespace adscore::trainer {

struct WeightedRow {
  const float* values = nullptr;  // [columns]
  float weight = 1;
};

// to[c] = first[c] + sum over rows of weight · values[c], for c < columns, in the order of the rows; from 0
// where `first` is null. In SIMD of this machine's best kind.
void SumRows(const float* first, std::span<const WeightedRow> rows, size_t columns, float* to);

}  // namespace adscore::trainer

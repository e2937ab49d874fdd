// The products of sparse_product.h and the sums of row_sums.h in half precision (IEEE 754's binary16), and
// what else the layers that have them need, for processors that multiply and add twice as many of such
// numbers at a time: x86 with AVX512-FP16. The factors are rounded to 11 bits; sums are rounded to as many
// while they are short, some 100 terms, and are then added up in f32. On numbers like a network's that
// makes them wrong by about a thousandth of their size: nothing beside what a gradient differs by from one
// batch to the next, and too much for a probability that somebody is served.
//
// What is beyond 65,504 has no half, and what is below 6e-5 fewer digits, down to 6e-8.
//
// Thread-safe: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/aligned.h"
#include "trainer/row_sums.h"
#include "trainer/sparse_product.h"

namespace adscore::trainer {

using Half = uint16_t;      // its bits
using HalfPair = uint32_t;  // the same one twice: what a processor can spread over a vector in no time

// Columns of a row of halves: whole vectors, so that rows of w may be read to their end.
inline constexpr size_t kHalfLanes = 32;
inline constexpr size_t HalfStride(size_t columns) {
  return (columns + kHalfLanes - 1) / kHalfLanes * kHalfLanes;
}

// Numbers in half precision, in memory for kernels.
inline Half* Halves(model::AlignedFloats* memory) { return reinterpret_cast<Half*>(memory->data()); }
inline HalfPair* Pairs(model::AlignedFloats* memory) { return reinterpret_cast<HalfPair*>(memory->data()); }
inline Half* ReserveHalves(size_t count, model::AlignedFloats* memory) {
  memory->Reserve((count + 1) * sizeof(Half) / sizeof(float));
  return Halves(memory);
}
inline HalfPair* ReservePairs(size_t count, model::AlignedFloats* memory) {
  memory->Reserve(count);
  return Pairs(memory);
}

// Outputs of a layer from which on half precision saves more than it costs to round to it.
inline constexpr size_t kLeastHalfWidth = 256;
// What is added up in half precision before the sum goes to f32: rows of a sum; and depths of a product,
// mostly with many zeros, about so many and whole words of ActiveBits.
inline constexpr size_t kHalfTerms = 96;
inline constexpr size_t kHalfDepth = 144;

// y[i][c] = first[i][c] + scale · sum over k of x[i][k] · w[k][c]; w_stride: HalfStride(columns).
struct HalfProduct : SparseProductOf<HalfPair, Half> {
  float scale = 1;
  // If it is not null, the sums over k are written here, [rows][w_stride], and nothing to y; then depth is
  // kHalfDepth at most.
  Half* sums = nullptr;
};

// to[i][c] = first[c] + scale · sum over the rows of list i of factor · values[at][c]; from 0 where `first`
// is null. values: rows of whole vectors, from a 64-byte boundary on.
struct HalfRowSums {
  RowLists lists;
  float scale = 1;
  const float* first = nullptr;
  const Half* values = nullptr;
  size_t values_stride = 0;
  size_t columns = 0;
  float* to = nullptr;
  size_t to_stride = 0;
  // If it is not null, scale · sum is written here, [lists][HalfStride(columns)], and nothing to `to`. Then
  // `first` is null, scale a power of two that has a half, and `columns` whole vectors or the last of values.
  Half* sums = nullptr;
};

// y[i][d] = scale · sum over c of x[i][c] · w[d][c], for kHalfDotColumns columns at most. x, w: [rows or
// dims][HalfStride(columns)], with 0 after the columns, from a 64-byte boundary on; y: [rows][dims].
inline constexpr size_t kHalfDotColumns = 256;
struct HalfDots {
  size_t rows = 0;
  size_t dims = 0;
  size_t columns = 0;
  const Half* x = nullptr;
  const Half* w = nullptr;
  float scale = 1;
  float* y = nullptr;
};

// What the deltas of a batch of so many rows, which weigh so much on average, are best multiplied by: they
// take a row's share in its batch, and are the less the nearer a probability is to its label, and halves have
// fewer digits there. Above there is still room for rows that weigh a hundred times the mean. A power of two,
// so that nothing is rounded by it.
float HalfDeltaScale(size_t rows, double mean_weight);

// One record, so that who has it can use all of it.
struct HalfKernels {
  // False if some sum was beyond what a half can be, or a factor was; the result then is no use.
  bool (*multiply)(const HalfProduct& product);
  bool (*sum_rows)(const HalfRowSums& sums);
  bool (*dot)(const HalfDots& dots);
  // halves[r][c] = scale · x[r][c], and 0 for columns up to HalfStride(columns). x: [rows][columns].
  void (*to_halves)(const float* x, float scale, size_t rows, size_t columns, Half* halves);
  void (*to_pairs)(const float* x, float scale, size_t count, HalfPair* pairs);
  // transposed[c][r] = halves[r][c]; `stride` is HalfStride(columns) at least. Strides in numbers.
  void (*transpose)(const Half* halves, size_t stride, size_t rows, size_t columns, Half* transposed,
                    size_t transposed_stride);
};

// Null where the processor has no such instructions, or the compiler (GCC 12 is the first one that does).
const HalfKernels* FindHalfKernels();

}  // namespace adscore::trainer

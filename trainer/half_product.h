// The products of sparse_product.h in half precision (IEEE 754's binary16), for processors that multiply and
// add twice as many of such numbers at a time: x86 with AVX512-FP16. The factors are rounded to 11 bits; sums
// are rounded to as many while they are short, some tens of terms, and are then added up in f32. On
// numbers like a network's that makes them wrong by about a thousandth of their size: nothing beside what a
// gradient differs by from one batch to the next, and too much for a probability that somebody is served.
// Unlike in f32, what is passed over can change the last digits of deeper sums: it moves where they are
// taken to f32.
//
// What is beyond 65,504 has no half, and what is below 6e-5 fewer digits, down to 6e-8.
//
// Thread-safe: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "trainer/sparse_product.h"

namespace adscore::trainer {

using Half = uint16_t;      // its bits
using HalfPair = uint32_t;  // the same one twice: what a processor can spread over a vector in no time

// Columns of a row of halves: whole vectors, so that rows of w may be read to their end.
inline constexpr size_t kHalfLanes = 32;
inline constexpr size_t HalfStride(size_t columns) {
  return (columns + kHalfLanes - 1) / kHalfLanes * kHalfLanes;
}

// y[i][c] = first[i][c] + scale · sum over k of x[i][k] · w[k][c]; w_stride: HalfStride(columns).
struct HalfProduct : SparseProductOf<HalfPair, Half> {
  float scale = 1;
};

// One record, so that who has it can use all of it.
struct HalfKernels {
  // False if some sum was beyond what a half can be, or a factor was; y then is no use.
  bool (*multiply)(const HalfProduct& product);
  // halves[r][c] = scale · x[r][c], and 0 for columns up to HalfStride(columns). x: [rows][columns].
  void (*to_halves)(const float* x, float scale, size_t rows, size_t columns, Half* halves);
  void (*to_pairs)(const float* x, float scale, size_t count, HalfPair* pairs);
};

// Null where the processor has no such instructions, or the compiler (GCC 12 is the first one that does).
const HalfKernels* FindHalfKernels();

}  // namespace adscore::trainer

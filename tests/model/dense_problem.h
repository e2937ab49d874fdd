// One product y = x · w + bias for tests of kernels: its operands, what a kernel set makes of it, and what
// plain loops in double precision do.
//
// Thread-safe: a plain value once it is filled.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "model/aligned.h"
#include "model/kernels/kernel_set.h"

namespace adscore::model::testing {

struct DenseProblem {
  DenseProblem(size_t rows_, size_t depth_, size_t columns_)
      : rows(rows_), depth(depth_), columns(columns_), x(rows * depth), w(depth * columns), bias(columns) {}

  // Rows [first, first + count) of y by `kernels`: [count][y_stride]. Where y_stride is above `columns`, the
  // floats after a row's columns are left as they were made, kUntouched.
  static constexpr float kUntouched = 99;
  std::vector<float> Run(const KernelSet& kernels, size_t first, size_t count, size_t y_stride,
                         bool relu = false) const {
    AlignedFloats packed(kernels.packed_floats(depth, columns));
    kernels.pack(w.data(), columns, 1, depth, columns, packed.data());
    AlignedFloats scratch(kernels.scratch_floats(count, depth));
    std::vector<float> y(count * y_stride, kUntouched);
    kernels.dense({.rows = count,
                   .depth = depth,
                   .columns = columns,
                   .x = x.data() + first * depth,
                   .x_row_stride = depth,
                   .packed = packed.data(),
                   .init = bias.data(),
                   .y = y.data(),
                   .y_stride = y_stride,
                   .relu = relu,
                   .scratch = scratch.data()});
    return y;
  }
  // All rows, one after another.
  std::vector<float> Run(const KernelSet& kernels, bool relu = false) const {
    return Run(kernels, 0, rows, columns, relu);
  }

  struct Sum {
    double value = 0;
    double norm = 0;  // of the absolute terms: what roundings are measured by
  };
  Sum Reference(size_t row, size_t column) const {
    Sum sum = {bias[column], std::fabs(bias[column])};
    for (size_t k = 0; k < depth; ++k) {
      const double product = static_cast<double>(x[row * depth + k]) * w[k * columns + column];
      sum.value += product;
      sum.norm += std::fabs(product);
    }
    return sum;
  }

  size_t rows;
  size_t depth;
  size_t columns;
  std::vector<float> x;     // [rows][depth]
  std::vector<float> w;     // [depth][columns]
  std::vector<float> bias;  // [columns]
};

}  // namespace adscore::model::testing

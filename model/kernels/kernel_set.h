// The kernels: matrix products in SIMD, one set of them per instruction set, chosen at run time. A set is one
// record, so that the packing of the weights can't drift from the kernel that reads them.
//
// Thread-safe: constant records of pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/activation.h"

namespace adscore::model {

// One call of a dense kernel: for r < rows and c < columns
//   y[r][c] = activation( init[init_row[r]][c] + sum over k < depth of x(r, k) · w[k][c] )
// The sum runs in the order of k, whatever the tile, in f32 with one fused multiply-add each; where the
// columns fit into one panel, in a few parts, which are added up at the end. The order depends on depth and
// columns alone: a row's result does not depend on the rows beside it, bit for bit. Infinity or NaN in a row
// of x reaches the results of that row and of no other, as the arithmetic of floats has it; where activations
// are integers, all of the row's sums are then NaN.
struct DenseArgs {
  size_t rows = 0;
  size_t depth = 0;
  size_t columns = 0;
  const float* x = nullptr;  // x(r, k) = x[r * x_row_stride + k * x_depth_stride]
  size_t x_row_stride = 0;
  size_t x_depth_stride = 1;      // other than 1 for f32 weights only
  const float* packed = nullptr;  // w as KernelSet::pack left it, 64-byte aligned
  const float* init = nullptr;  // [any][columns]: a bias, or the context's share of each impression; null: 0
  size_t init_stride = 0;       // floats from one init row to the next
  const uint32_t* init_row = nullptr;  // [rows], with an init; null: init row 0 for all
  float* y = nullptr;                  // [rows][y_stride]
  size_t y_stride = 0;
  bool relu = false;         // max(0, ·); NaN becomes 0
  float* scratch = nullptr;  // KernelSet::scratch_floats of them, 64-byte aligned; null where that is 0
};

// What the weights of the hidden layers are held in. The output layer and everything before the first layer
// are f32 in each. The other layers' activations are of the weights' kind with the sets that use instructions
// for it ("avx512_bf16", "avx512_vnni"; see KernelSet::first_layer), and f32 with all others. So are the
// sums, except that those of integers are integers.
enum class Precision : uint8_t {
  kF32,
  kBf16,  // half the bytes: 8 bits of mantissa, or with "avx512_vnni" an integer of 16 bits and a scale per
          // column, whose error is smaller
  kInt8,  // a quarter of them: 8 bits and a scale per column
};

// y[r][c] = activation(y[r][c]) for r < rows and c < columns, y being [rows][stride].
using ActivateKernel = void (*)(float alpha, size_t rows, size_t columns, size_t stride, float* y);

struct KernelSet {
  const char* name;  // "avx512_bf16", "avx512_vnni", "avx512", "avx2", "sse4", "ssse3", "neon", "scalar"
  Precision precision;
  size_t panel_columns;  // columns per packed panel; the last one of a matrix may have half as many

  // Floats that pack() writes for a [depth][columns] matrix: columns are padded to whole vectors with zeros.
  size_t (*packed_floats)(size_t depth, size_t columns);

  // Floats of DenseArgs::scratch that dense() needs for `rows` rows of x.
  size_t (*scratch_floats)(size_t rows, size_t depth);

  // w(k, c) = w[k * depth_stride + c * column_stride] → panel after panel of `panel_columns` columns, within
  // a panel one row of the panel per k. `packed` is 64-byte aligned.
  void (*pack)(const float* w, size_t depth_stride, size_t column_stride, size_t depth, size_t columns,
               float* packed);

  void (*dense)(const DenseArgs& args);

  // By ActivationKind: right to a float's last bit or the one before, and for numbers close to 0 at least to
  // 1e-15; the same for a number wherever it stands. Null for ReLU, which is DenseArgs::relu.
  const ActivateKernel* activate;

  // y[r][h] = bias[h] + dot(x[r], w[h]); w is [heads][depth]. Each dot is summed in a fixed order that
  // depends on depth alone. y is [rows][heads].
  void (*heads)(const float* x, size_t x_row_stride, const float* w, const float* bias, size_t rows,
                size_t depth, size_t heads, float* y);

  // probabilities[i] = 1 / (1 + exp(-(slope[i] * logits[i] + offset[i]))), for i < count. In double precision
  // inside: right to float's last bit or the one before, also where it is tiny; it never falls as the logit
  // rises (with a slope above 0), and never leaves [0, 1]. NaN gives NaN. probabilities may be logits.
  void (*sigmoids)(const float* logits, const double* slope, const double* offset, size_t count,
                   float* probabilities);

  // The set that packs and multiplies the first hidden layer; null: this one. The inputs of a row are of very
  // different sizes, so that activations of 8 bits, one scale for the row, would lose the small ones.
  const KernelSet* first_layer = nullptr;
};

// "auto": the best that this machine has, or what the environment variable ADSCORE_ISA names. Otherwise by
// name; InvalidArgument listing the names that work here.
absl::StatusOr<const KernelSet*> FindKernelSet(const std::string& isa, Precision precision);

// Every set that this machine can run, best first.
const std::vector<const KernelSet*>& AvailableKernelSets(Precision precision);

// "f32", "bf16", "int8".
const char* ToString(Precision precision);
absl::StatusOr<Precision> ParsePrecision(const std::string& word);

}  // namespace adscore::model

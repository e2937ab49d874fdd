// The f32 matrix products, compiled once per instruction set: included by kernel_set.cc, and by nothing else.
//
// How a product is laid out. W is cut into panels of kPanelVectors vectors of columns, and a panel is stored
// row after row, so that a kernel reads it as one stream:
//
//              columns 0…P-1     columns P…2P-1
//   k = 0      [ w00 w01 … ]     [ … ]
//   k = 1      [ w10 w11 … ]     [ … ]      a panel = depth × P floats, one after another in memory
//
// A tile is a few rows of x against one or more panels. Its sums stay in registers for the whole depth: each
// step loads one row of the panel, and for every row of x spreads x(r, k) over a vector and adds the product.
// Many rows share one load of the panel; a single row takes several panels at once instead, to have enough
// independent sums in flight.
//
// Thread-safe: pure functions.
#if defined(ADSCORE_MODEL_KERNELS_DENSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ADSCORE_MODEL_KERNELS_DENSE_INL_H_
#undef ADSCORE_MODEL_KERNELS_DENSE_INL_H_
#else
#define ADSCORE_MODEL_KERNELS_DENSE_INL_H_
#endif

#include <hwy/highway.h>

#include <cstring>

#include "model/kernels/kernel_set.h"

HWY_BEFORE_NAMESPACE();
namespace adscore::model::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Floats = hn::ScalableTag<float>;
using Vector = hn::Vec<Floats>;

constexpr size_t kLanes = HWY_MAX_BYTES / sizeof(float);
constexpr size_t kPanelVectors = 2;
constexpr size_t kPanelColumns = kPanelVectors * kLanes;
// Rows of a full tile: rows × kPanelVectors sums, and three registers for the panel's row and x, must fit the
// register file: 32 with AVX-512 and NEON, 16 otherwise.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
constexpr size_t kTileRows = 12;
#else
constexpr size_t kTileRows = 6;
#endif

// The first `count` floats at `p`, zeros after them.
HWY_INLINE Vector LoadPart(const float* p, size_t count) {
  const Floats d;
  if (count >= kLanes) return hn::LoadU(d, p);
  HWY_ALIGN float part[kLanes] = {};
  std::memcpy(part, p, count * sizeof(float));
  return hn::Load(d, part);
}

HWY_INLINE void StorePart(Vector v, float* p, size_t count) {
  const Floats d;
  if (count >= kLanes) {
    hn::StoreU(v, d, p);
    return;
  }
  HWY_ALIGN float part[kLanes];
  hn::Store(v, d, part);
  std::memcpy(p, part, count * sizeof(float));
}

HWY_INLINE size_t Left(size_t columns, size_t at) { return columns > at ? columns - at : 0; }

// What y(row, column …) starts from.
HWY_INLINE Vector LoadInit(const DenseArgs& a, size_t row, size_t column) {
  const size_t left = Left(a.columns, column);
  if (a.init == nullptr || left == 0) return hn::Zero(Floats());
  return LoadPart(a.init + (a.init_row != nullptr ? a.init_row[row] : 0) * a.init_stride + column, left);
}

// y(row, column …) from its sums; `column` is one of y's.
HWY_INLINE void StoreResult(const DenseArgs& a, Vector result, size_t row, size_t column) {
  float* y = a.y + row * a.y_stride + column;
  const size_t left = Left(a.columns, column);
  if (a.accumulate) result = hn::Add(result, LoadPart(y, left));
  // A comparison, not Max: NaN becomes 0 on every machine.
  if (a.relu) result = hn::IfThenElseZero(hn::Gt(result, hn::Zero(Floats())), result);
  StorePart(result, y, left);
}

// kRows rows of x from `row` on, against kPanels panels from `column` on.
template <size_t kRows, size_t kPanels>
HWY_INLINE void Tile(const DenseArgs& a, size_t row, size_t column) {
  const Floats d;
  constexpr size_t kVectors = kPanels * kPanelVectors;
  Vector sum[kRows][kVectors];
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kVectors; ++v) sum[r][v] = LoadInit(a, row + r, column + v * kLanes);
  }

  const float* x = a.x + row * a.x_row_stride;
  const float* panel = a.packed + column * a.depth;
  const size_t panel_floats = a.depth * kPanelColumns;
  for (size_t k = 0; k < a.depth; ++k) {
    Vector w[kVectors];
#pragma GCC unroll 16
    for (size_t v = 0; v < kVectors; ++v) {
      w[v] = hn::Load(d, panel + (v / kPanelVectors) * panel_floats + (v % kPanelVectors) * kLanes);
    }
    panel += kPanelColumns;
#pragma GCC unroll 16
    for (size_t r = 0; r < kRows; ++r) {
      const Vector xr = hn::Set(d, x[r * a.x_row_stride]);
#pragma GCC unroll 16
      for (size_t v = 0; v < kVectors; ++v) sum[r][v] = hn::MulAdd(xr, w[v], sum[r][v]);
    }
    x += a.x_depth_stride;
  }

  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kVectors; ++v) {
      if (Left(a.columns, column + v * kLanes) == 0) break;
      StoreResult(a, sum[r][v], row + r, column + v * kLanes);
    }
  }
}

// The rows that are left after the full tiles: 1 … kTileRows - 1 of them. Few rows take several panels at
// once: a multiply-add takes four cycles and two can begin in each, so that eight independent sums keep the
// units busy.
template <size_t kRows>
HWY_INLINE void LastRows(const DenseArgs& a, size_t row, size_t rows) {
  if constexpr (kRows > 0) {
    if (rows != kRows) return LastRows<kRows - 1>(a, row, rows);
    constexpr size_t kPanels = kRows == 1 ? 4 : kRows < 4 ? 2 : 1;
    size_t column = 0;
    for (; column + (kPanels - 1) * kPanelColumns < a.columns; column += kPanels * kPanelColumns) {
      Tile<kRows, kPanels>(a, row, column);
    }
    for (; column < a.columns; column += kPanelColumns) Tile<kRows, 1>(a, row, column);
  }
}

void Dense(const DenseArgs& a) {
  // Panel by panel, so that a panel is read from the first-level cache by all full tiles.
  const size_t full = a.rows / kTileRows * kTileRows;
  for (size_t column = 0; full > 0 && column < a.columns; column += kPanelColumns) {
    for (size_t row = 0; row < full; row += kTileRows) Tile<kTileRows, 1>(a, row, column);
  }
  LastRows<kTileRows - 1>(a, full, a.rows - full);
}

size_t PackedFloats(size_t depth, size_t columns) {
  return (columns + kPanelColumns - 1) / kPanelColumns * kPanelColumns * depth;
}

void Pack(const float* w, size_t depth_stride, size_t column_stride, size_t depth, size_t columns,
          float* packed) {
  for (size_t column = 0; column < columns; column += kPanelColumns) {
    const size_t count = columns - column < kPanelColumns ? columns - column : kPanelColumns;
    for (size_t k = 0; k < depth; ++k) {
      const float* from = w + k * depth_stride + column * column_stride;
      for (size_t c = 0; c < count; ++c) packed[c] = from[c * column_stride];
      for (size_t c = count; c < kPanelColumns; ++c) packed[c] = 0;
      packed += kPanelColumns;
    }
  }
}

// Four vectors of partial sums, whatever the batch: hides the latency of the additions, and always in the
// same order.
float Dot(const float* x, const float* w, size_t depth) {
  const Floats d;
  Vector sum[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  size_t k = 0;
  for (; k + 4 * kLanes <= depth; k += 4 * kLanes) {
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; ++i) {
      sum[i] = hn::MulAdd(hn::LoadU(d, x + k + i * kLanes), hn::LoadU(d, w + k + i * kLanes), sum[i]);
    }
  }
  for (; k < depth; k += kLanes) {
    sum[0] = hn::MulAdd(LoadPart(x + k, depth - k), LoadPart(w + k, depth - k), sum[0]);
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(sum[0], sum[1]), hn::Add(sum[2], sum[3]))));
}

void Heads(const float* x, size_t x_row_stride, const float* w, const float* bias, size_t rows, size_t depth,
           size_t heads, float* y) {
  for (size_t r = 0; r < rows; ++r) {
    for (size_t h = 0; h < heads; ++h) {
      y[r * heads + h] = bias[h] + Dot(x + r * x_row_stride, w + h * depth, depth);
    }
  }
}

}  // namespace
}  // namespace adscore::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard

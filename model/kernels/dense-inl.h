// The matrix products in f32 arithmetic, over the weights of packing-inl.h. Compiled once per instruction
// set: included by kernel_set.cc, and by nothing else.
//
// How a product is laid out. W is cut into panels of kPanelVectors vectors of columns, and a panel is stored
// row after row, so that a kernel reads it as one stream:
//
//              columns 0…P-1     columns P…2P-1
//   k = 0      [ w00 w01 … ]     [ … ]
//   k = 1      [ w10 w11 … ]     [ … ]      a panel = depth × P weights, one after another in memory
//
// A tile is a few rows of x against one or more panels. Its sums stay in registers for the whole depth: each
// step loads one row of the panel, and for every row of x spreads x(r, k) over a vector and adds the product.
// Many rows share one load of the panel; a single row takes several panels at once instead, to have enough
// independent sums in flight. Where there is only one panel, each sum is made of three that alternate in k.
// Where the last panel has no more than one vector of columns, it is one vector wide.
//
// Narrow weights differ only in how a vector of them is loaded: they become floats on the way into the
// register. What they save is memory and the time to read it.
//
// Thread-safe: pure functions.
#if defined(ADSCORE_MODEL_KERNELS_DENSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ADSCORE_MODEL_KERNELS_DENSE_INL_H_
#undef ADSCORE_MODEL_KERNELS_DENSE_INL_H_
#else
#define ADSCORE_MODEL_KERNELS_DENSE_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "model/kernels/kernel_set.h"
#include "model/kernels/packing-inl.h"
#include "model/kernels/panels.h"
#include "model/kernels/registers-inl.h"

HWY_BEFORE_NAMESPACE();
namespace adscore::model::HWY_NAMESPACE {
namespace {

// Panels that a tile of one row takes at most. A multiply-add takes four cycles and two can begin in each:
// eight independent sums keep the units busy, and with twelve there are registers left on every machine.
constexpr size_t kMostPanels = 6;

// The first `count` floats at `p`, zeros after them.
HWY_INLINE Vector LoadPart(const float* p, size_t count) {
  const Floats d;
  if (count >= kLanes) return hn::LoadU(d, p);
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
  return hn::MaskedLoad(hn::FirstN(d, count), d, p);
#else  // without such an instruction: never a byte behind the last one
  HWY_ALIGN float part[kLanes] = {};
  std::memcpy(part, p, count * sizeof(float));
  return hn::Load(d, part);
#endif
}

// The first `count` lanes of v, or all.
HWY_INLINE void StorePart(Vector v, float* p, size_t count) {
  const Floats d;
  if (count >= kLanes) return hn::StoreU(v, d, p);
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
  hn::BlendedStore(v, hn::FirstN(d, count), d, p);
#else
  HWY_ALIGN float part[kLanes];
  hn::Store(v, d, part);
  std::memcpy(p, part, count * sizeof(float));
#endif
}

// max(0, v), where NaN becomes 0.
HWY_INLINE Vector Relu(Vector v) {
  const Vector zero = hn::Zero(Floats());
#if HWY_ARCH_X86
  return hn::Max(v, zero);  // x86's maximum is the second operand where one is NaN
#else
  return hn::IfThenElseZero(hn::Gt(v, zero), v);
#endif
}

// What y(row, column …) starts from: zeros in the padding of a panel.
HWY_INLINE Vector LoadInit(const DenseArgs& a, size_t row, size_t column) {
  if (a.init == nullptr || column >= a.columns) return hn::Zero(Floats());
  const float* init = a.init + (a.init_row != nullptr ? a.init_row[row] : 0) * a.init_stride;
  return LoadPart(init + column, a.columns - column);
}

// The sums of kRows rows and kVectors vectors of columns, in registers.
template <size_t kRows, size_t kVectors>
struct Sums {
  HWY_INLINE void Zero() {
#pragma GCC unroll 16
    for (size_t v = 0; v < kVectors; ++v) {
#pragma GCC unroll 16
      for (size_t r = 0; r < kRows; ++r) at[r][v] = hn::Zero(Floats());
    }
  }

  // `whole`: that the last vector has no padding. Known once for all vectors, so that the usual way through a
  // small tile has next to no branches.
  HWY_INLINE void Init(const DenseArgs& a, size_t row, size_t column, bool whole) {
    if (whole && a.init != nullptr && a.init_row == nullptr) [[likely]] {
#pragma GCC unroll 16
      for (size_t v = 0; v < kVectors; ++v) {
        const Vector all = hn::LoadU(Floats(), a.init + column + v * kLanes);
#pragma GCC unroll 16
        for (size_t r = 0; r < kRows; ++r) at[r][v] = all;
      }
      return;
    }
    if (whole && a.init_row != nullptr) {
#pragma GCC unroll 16
      for (size_t r = 0; r < kRows; ++r) {
        const float* const init = a.init + a.init_row[row + r] * a.init_stride + column;
#pragma GCC unroll 16
        for (size_t v = 0; v < kVectors; ++v) at[r][v] = hn::LoadU(Floats(), init + v * kLanes);
      }
      return;
    }
#pragma GCC unroll 16
    for (size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
      for (size_t v = 0; v < kVectors; ++v) at[r][v] = LoadInit(a, row + r, column + v * kLanes);
    }
  }

  HWY_INLINE void Add(const Sums& other) {
#pragma GCC unroll 16
    for (size_t v = 0; v < kVectors; ++v) {
#pragma GCC unroll 16
      for (size_t r = 0; r < kRows; ++r) at[r][v] = hn::Add(at[r][v], other.at[r][v]);
    }
  }

  // Times the scale of each column, plus what y starts from.
  HWY_INLINE void Scale(const DenseArgs& a, size_t row, size_t column, size_t v, const float* scale) {
#pragma GCC unroll 16
    for (size_t r = 0; r < kRows; ++r) {
      at[r][v] = hn::MulAdd(at[r][v], hn::LoadU(Floats(), scale), LoadInit(a, row + r, column));
    }
  }

  HWY_INLINE void ReluAll() {
#pragma GCC unroll 16
    for (size_t v = 0; v < kVectors; ++v) {
#pragma GCC unroll 16
      for (size_t r = 0; r < kRows; ++r) at[r][v] = Relu(at[r][v]);
    }
  }

  HWY_INLINE void Store(const DenseArgs& a, size_t row, size_t column, bool whole) {
    float* y = a.y + row * a.y_stride + column;
#pragma GCC unroll 16
    for (size_t r = 0; r < kRows; ++r, y += a.y_stride) {
#pragma GCC unroll 16
      for (size_t v = 0; v < kVectors; ++v) {
        if (whole) [[likely]] {
          hn::StoreU(at[r][v], Floats(), y + v * kLanes);
        } else if (column + v * kLanes < a.columns) {
          StorePart(at[r][v], y + v * kLanes, a.columns - column - v * kLanes);
        }
      }
    }
  }

  Vector at[kRows][kVectors];
};

// The rows of a tile, at one step of the depth. Few pointers, each with a few rows at multiples of the
// stride: one register for the address of each row would be more than there are.
template <size_t kRows>
struct RowPointers {
  static constexpr size_t kApart = 3;  // an address may be base, base + stride or base + 2 * stride

  HWY_INLINE RowPointers(const float* x, size_t stride) : row_stride(stride) {
#pragma GCC unroll 16
    for (size_t i = 0; i < kBases; ++i) base[i] = x + i * kApart * stride;
  }
  HWY_INLINE void Advance(size_t depth_stride) {
#pragma GCC unroll 16
    for (size_t i = 0; i < kBases; ++i) base[i] += depth_stride;
  }
  HWY_INLINE Vector Spread(size_t r) const {
    return hn::Set(Floats(), base[r / kApart][r % kApart * row_stride]);
  }

  static constexpr size_t kBases = (kRows + kApart - 1) / kApart;
  const float* base[kBases];
  size_t row_stride;
};

// One step of the depth: the products of the rows' x(·, k) and of row k of the panels, added to `sum`.
template <typename Weights, size_t kRows, size_t kVectors, typename Panels>
HWY_INLINE void Step(const RowPointers<kRows>& x, const Panels& panel, size_t k, Sums<kRows, kVectors>* sum) {
  const auto load = [&](size_t v) HWY_ATTR {
    // Of an odd number of vectors the last one is a panel of its own.
    const size_t vectors = v == kVectors - 1 && v % kPanelVectors == 0 ? 1 : kPanelVectors;
    return Weights::Load(panel[v / kPanelVectors] + k * RowNumbers<Weights>(vectors), v % kPanelVectors);
  };
  // Registers for the fewer of the two, the panels' row or the rows' x; the other passes by, one at a time.
  if constexpr (kRows < kVectors) {
    Vector xr[kRows];
#pragma GCC unroll 16
    for (size_t r = 0; r < kRows; ++r) xr[r] = x.Spread(r);
#pragma GCC unroll 16
    for (size_t v = 0; v < kVectors; ++v) {
      Vector w = load(v);
      if (kRows > 1) KeepInRegister(&w);
#pragma GCC unroll 16
      for (size_t r = 0; r < kRows; ++r) sum->at[r][v] = hn::MulAdd(xr[r], w, sum->at[r][v]);
    }
  } else {
    Vector w[kVectors];
#pragma GCC unroll 16
    for (size_t v = 0; v < kVectors; ++v) {
      w[v] = load(v);
      if (kRows > 1) KeepInRegister(&w[v]);
    }
#pragma GCC unroll 16
    for (size_t r = 0; r < kRows; ++r) {
      const Vector xr = x.Spread(r);
#pragma GCC unroll 16
      for (size_t v = 0; v < kVectors; ++v) sum->at[r][v] = hn::MulAdd(xr, w[v], sum->at[r][v]);
    }
  }
}

// kRows rows of x from `row` on, against kVectors vectors of columns from `column` on, which begins a panel.
// Each sum is made of kParts, of which each takes every kParts-th step.
template <typename Weights, size_t kRows, size_t kVectors, size_t kParts = 1>
void Tile(const DenseArgs& a, size_t row, size_t column) {
  constexpr size_t kPanels = (kVectors + kPanelVectors - 1) / kPanelVectors;
  const bool whole = a.columns - column >= kVectors * kLanes;
  Sums<kRows, kVectors> part[kParts];
  Sums<kRows, kVectors>& sum = part[0];
  if (Weights::kScaled) {
    sum.Zero();
  } else {
    sum.Init(a, row, column, whole);
  }
#pragma GCC unroll 16
  for (size_t p = 1; p < kParts; ++p) part[p].Zero();

  RowPointers<kRows> x(a.x + row * a.x_row_stride, a.x_row_stride);
  const size_t panel_floats = PanelFloats<Weights>(a.depth);
  const float* const panels = a.packed + column / kPanelColumns * panel_floats;
  const typename Weights::Stored* panel[kPanels];
  for (size_t p = 0; p < kPanels; ++p) {
    panel[p] = reinterpret_cast<const typename Weights::Stored*>(panels + p * panel_floats +
                                                                 (Weights::kScaled ? kPanelColumns : 0));
  }
  size_t k = 0;
  for (; k + kParts <= a.depth; k += kParts) {
#pragma GCC unroll 16
    for (size_t p = 0; p < kParts; ++p) {
      Step<Weights>(x, panel, k + p, &part[p]);
      x.Advance(a.x_depth_stride);
    }
  }
  if constexpr (kParts > 1) {
    for (; k < a.depth; ++k) {
      Step<Weights>(x, panel, k, &sum);
      x.Advance(a.x_depth_stride);
    }
#pragma GCC unroll 16
    for (size_t p = 1; p < kParts; ++p) sum.Add(part[p]);
  }

  if (Weights::kScaled) {
#pragma GCC unroll 16
    for (size_t v = 0; v < kVectors; ++v) {
      sum.Scale(a, row, column + v * kLanes, v,
                panels + v / kPanelVectors * panel_floats + v % kPanelVectors * kLanes);
    }
  }
  if (a.relu) sum.ReluAll();
  sum.Store(a, row, column, whole);
}

using TileOf = void (*)(const DenseArgs& a, size_t row, size_t column);

// Panels that a tile of so many rows takes at most.
template <typename Weights>
constexpr size_t MostPanels(size_t rows) {
  return std::clamp<size_t>(Weights::kFewRowsPanels / rows, 1, kMostPanels);
}

// The tiles by rows and vectors of columns, each less one; null where no product has use for one. A table of
// functions and not a chain of conditions: for a single row of a small network the way to its tile would
// take longer than the tile.
template <typename Weights>
struct Tiles {
  static constexpr size_t kMostVectors = kMostPanels * kPanelVectors;

  template <size_t kRows, size_t... kVectors>
  static constexpr std::array<TileOf, kMostVectors> OfRows(std::index_sequence<kVectors...> /*less one*/) {
    return {(kVectors < MostPanels<Weights>(kRows) * kPanelVectors
                 ? &Tile<Weights, kRows, std::min(kVectors + 1, MostPanels<Weights>(kRows) * kPanelVectors)>
                 : nullptr)...};
  }
  template <size_t... kRows>
  static constexpr std::array<std::array<TileOf, kMostVectors>, kTileRows> All(
      std::index_sequence<kRows...> /*less one*/) {
    return {OfRows<kRows + 1>(std::make_index_sequence<kMostVectors>())...};
  }

  static constexpr std::array<std::array<TileOf, kMostVectors>, kTileRows> kAll =
      All(std::make_index_sequence<kTileRows>());
};

// Those of a product of one panel, whose sums would wait for each other if a single row had them alone: in
// parts, and so for any number of rows.
template <typename Weights>
struct NarrowTiles {
  static constexpr size_t kMostRows = kTileRows / kNarrowParts;

  template <size_t... kRows>
  static constexpr std::array<std::array<TileOf, kPanelVectors>, kMostRows> All(
      std::index_sequence<kRows...> /*less one*/) {
    return {std::array<TileOf, kPanelVectors>{&Tile<Weights, kRows + 1, 1, kNarrowParts>,
                                              &Tile<Weights, kRows + 1, 2, kNarrowParts>}...};
  }

  static constexpr std::array<std::array<TileOf, kPanelVectors>, kMostRows> kAll =
      All(std::make_index_sequence<kMostRows>());
};

template <typename Weights>
void Dense(const DenseArgs& a) {
  if (a.rows == 0) return;
  const size_t vectors = (a.columns + kLanes - 1) / kLanes;
  if (vectors <= kPanelVectors) {
    constexpr size_t kMostRows = NarrowTiles<Weights>::kMostRows;
    size_t tiles = (a.rows + kMostRows - 1) / kMostRows;
    for (size_t row = 0; tiles > 0; --tiles) {
      const size_t rows = RowsNow(a.rows - row, tiles);
      NarrowTiles<Weights>::kAll[rows - 1][vectors - 1](a, row, 0);
      row += rows;
    }
    return;
  }
  // Panel by panel, so that it is read from the first-level cache by all tiles but the first. The rows are
  // shared out evenly: a last tile of few rows would take as long as a full one.
  const size_t panels = (vectors + kPanelVectors - 1) / kPanelVectors;
  const size_t tiles = (a.rows + kTileRows - 1) / kTileRows;
  for (size_t panel = 0; panel < panels;) {
    const size_t now = tiles > 1 ? 1 : PanelsNow(panels - panel, MostPanels<Weights>(a.rows));
    const size_t v = panel * kPanelVectors;
    const size_t vectors_now = std::min(vectors - v, now * kPanelVectors);
    for (size_t row = 0, tile = 0; tile < tiles; ++tile) {
      const size_t rows = RowsNow(a.rows - row, tiles - tile);
      Tiles<Weights>::kAll[rows - 1][vectors_now - 1](a, row, v * kLanes);
      row += rows;
    }
    panel += now;
  }
}

}  // namespace
}  // namespace adscore::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard

// The kernels themselves, compiled once per instruction set by Highway's foreach_target, and the choice among
// them.
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
// Thread-safe: pure functions and constants.
#include "model/kernels/kernel_set.h"

#include <cstring>
#include <mutex>
#include <string>

// One build must be enough for all x86 machines: AVX3_DL would be the same code as AVX3 again, and vectors of
// a length unknown to the compiler (SVE, RVV) can't be held in arrays of sums.
#define HWY_DISABLED_TARGETS (HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/kernels/kernel_set.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

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

// kRows rows of x from `row` on, against kPanels panels from `column` on.
template <size_t kRows, size_t kPanels>
HWY_INLINE void Tile(const DenseArgs& a, size_t row, size_t column) {
  const Floats d;
  constexpr size_t kVectors = kPanels * kPanelVectors;
  Vector sum[kRows][kVectors];
  for (size_t r = 0; r < kRows; ++r) {
    const float* init = nullptr;
    if (a.init != nullptr) {
      init = a.init + (a.init_row != nullptr ? a.init_row[row + r] : 0) * a.init_stride;
    }
    for (size_t v = 0; v < kVectors; ++v) {
      const size_t c = column + v * kLanes;
      const size_t left = Left(a.columns, c);
      sum[r][v] = (init != nullptr && left > 0) ? LoadPart(init + c, left) : hn::Zero(d);
    }
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
    float* y = a.y + (row + r) * a.y_stride + column;
    for (size_t v = 0; v < kVectors; ++v) {
      const size_t left = Left(a.columns, column + v * kLanes);
      if (left == 0) break;
      Vector result = sum[r][v];
      if (a.accumulate) result = hn::Add(result, LoadPart(y + v * kLanes, left));
      // A comparison, not Max: NaN becomes 0 on every machine.
      if (a.relu) result = hn::IfThenElseZero(hn::Gt(result, hn::Zero(d)), result);
      StorePart(result, y + v * kLanes, left);
    }
  }
}

// The rows that are left after the full tiles: 1 … kTileRows - 1 of them.
template <size_t kRows>
HWY_INLINE void LastRows(const DenseArgs& a, size_t row, size_t rows, size_t column) {
  if constexpr (kRows > 0) {
    if (rows == kRows) {
      Tile<kRows, 1>(a, row, column);
    } else {
      LastRows<kRows - 1>(a, row, rows, column);
    }
  }
}

void Dense(const DenseArgs& a) {
  size_t column = 0;
  if (a.rows == 1) {
    // Nothing to share a panel's row with: take four panels at once, which hides the latency of the sums.
    constexpr size_t kPanels = 4;
    for (; column + (kPanels - 1) * kPanelColumns < a.columns; column += kPanels * kPanelColumns) {
      Tile<1, kPanels>(a, 0, column);
    }
  }
  for (; column < a.columns; column += kPanelColumns) {
    size_t row = 0;
    for (; row + kTileRows <= a.rows; row += kTileRows) Tile<kTileRows, 1>(a, row, column);
    LastRows<kTileRows - 1>(a, row, a.rows - row, column);
  }
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

// What this instruction set is called on the command line and in metrics.
constexpr const char* kName =
#if HWY_TARGET == HWY_AVX3
    "avx512";
#elif HWY_TARGET == HWY_AVX2
    "avx2";
#elif HWY_TARGET == HWY_SSE4
    "sse4";
#elif HWY_TARGET == HWY_SSSE3
    "ssse3";
#elif HWY_TARGET == HWY_NEON
    "neon";
#else
    "scalar";
#endif

const KernelSet* Kernels() {
  static constexpr KernelSet kSet = {kName, kPanelColumns, PackedFloats, Pack, Dense, Heads};
  return &kSet;
}

}  // namespace adscore::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace adscore::model {
namespace {

HWY_EXPORT(Kernels);

std::vector<const KernelSet*> CollectKernelSets() {
  std::vector<const KernelSet*> sets;
  const int64_t supported = hwy::SupportedTargets() & HWY_TARGETS;
  // Highway's better targets have the lower bits. Each is made the chosen one for as long as it takes to ask
  // it for its record; afterwards dispatch is as it was.
  for (int bit = 0; bit < 62; ++bit) {
    const int64_t target = int64_t{1} << bit;
    if ((supported & target) == 0) continue;
    hwy::GetChosenTarget().Update(target);
    sets.push_back(HWY_DYNAMIC_DISPATCH(Kernels)());
  }
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  return sets;
}

}  // namespace

std::vector<const KernelSet*> AvailableKernelSets() {
  static const auto* const kSets = new std::vector<const KernelSet*>(CollectKernelSets());
  return *kSets;
}

absl::StatusOr<const KernelSet*> FindKernelSet(std::string_view isa) {
  const std::vector<const KernelSet*> sets = AvailableKernelSets();
  if (isa == "auto") return sets.front();
  std::string names;
  for (const KernelSet* set : sets) {
    if (isa == set->name) return set;
    names += (names.empty() ? "" : ", ") + std::string(set->name);
  }
  return absl::InvalidArgumentError("no instruction set '" + std::string(isa) +
                                    "' on this machine; it has: auto, " + names);
}

}  // namespace adscore::model
#endif  // HWY_ONCE

// How weights lie in memory for the kernels: as f32, bf16 or int8, in panels; dense-inl.h says what a panel
// is. Compiled once per instruction set: included by dense-inl.h, and by nothing else.
//
// Thread-safe: pure functions.
#if defined(ADSCORE_MODEL_KERNELS_PACKING_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ADSCORE_MODEL_KERNELS_PACKING_INL_H_
#undef ADSCORE_MODEL_KERNELS_PACKING_INL_H_
#else
#define ADSCORE_MODEL_KERNELS_PACKING_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "model/kernels/rounding.h"

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
// register file: 32 with AVX-512 and NEON, 16 otherwise. kNarrowParts: what the sums of a product of one
// panel are split into; a tile has as many fewer rows.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
constexpr size_t kTileRows = 12;
#else
constexpr size_t kTileRows = 6;
#endif
constexpr size_t kNarrowParts = 3;

// How the weights of a panel are stored, and how a vector of them becomes floats.
//   kScaled          a panel begins with a float for each of its columns, by which its weights are multiplied
//   kPairs           a number holds a weight of the panel's first vector and one of its second
//   kFewRowsPanels   panels that a tile of few rows takes, times its rows; fewer where a load needs registers
//   Load(row, v)     vector v of a row of the panel
struct F32 {
  using Stored = float;
  static constexpr bool kScaled = false;
  static constexpr bool kPairs = false;
  static constexpr size_t kFewRowsPanels = kTileRows;
  static Stored Store(float weight, float /*scale*/) { return weight; }
  static HWY_INLINE Vector Load(const Stored* row, size_t v) { return hn::LoadU(Floats(), row + v * kLanes); }
};

struct Bf16 {
  // Two bf16, of which the first, in the upper half, is read as a float with the second one for its lowest
  // bits: it is rounded with them in mind, and so is no further off than any bf16.
  using Stored = uint32_t;
  static constexpr bool kScaled = false;
  static constexpr bool kPairs = true;
  static constexpr size_t kFewRowsPanels = kTileRows - 1;
  static Stored StorePair(float first, float second) { return RoundToBf16Above(first, RoundToBf16(second)); }
  static HWY_INLINE Vector Load(const Stored* row, size_t v) {
    const hn::RebindToUnsigned<Floats> words;
    const auto pairs = hn::LoadU(words, row);
    return hn::BitCast(Floats(), v == 0 ? pairs : hn::ShiftLeft<16>(pairs));
  }
};

struct Int8 {
  using Stored = int8_t;
  static constexpr bool kScaled = true;
  static constexpr bool kPairs = false;
  static constexpr size_t kFewRowsPanels = kTileRows - 1;
  static Stored Store(float weight, float scale) { return RoundToInt8(weight, scale); }
  static HWY_INLINE Vector Load(const Stored* row, size_t v) {
    const hn::Rebind<int8_t, Floats> narrow;
    const hn::RebindToSigned<Floats> wide;
    return hn::ConvertTo(Floats(), hn::PromoteTo(wide, hn::LoadU(narrow, row + v * kLanes)));
  }
};

// Numbers in a row of a panel that has so many vectors of columns: one where no more are left.
template <typename Weights>
constexpr size_t RowNumbers(size_t vectors) {
  return Weights::kPairs ? kLanes : vectors * kLanes;
}

// Floats that such a panel takes.
template <typename Weights>
constexpr size_t PanelFloats(size_t depth, size_t vectors = kPanelVectors) {
  const size_t bytes = depth * RowNumbers<Weights>(vectors) * sizeof(typename Weights::Stored);
  return (Weights::kScaled ? kPanelColumns : 0) + (bytes + sizeof(float) - 1) / sizeof(float);
}

// Vectors of the panel that begins where `left` columns are left.
constexpr size_t VectorsOfPanel(size_t left) { return left > kLanes ? kPanelVectors : 1; }

template <typename Weights>
size_t PackedFloats(size_t depth, size_t columns) {
  const size_t before = columns == 0 ? 0 : (columns - 1) / kPanelColumns;
  return before * PanelFloats<Weights>(depth) +
         PanelFloats<Weights>(depth, VectorsOfPanel(columns - before * kPanelColumns));
}

// `Weights` are floats: a whole row of a panel lies in w as it is to lie in the panel.
template <typename Weights>
HWY_INLINE void CopyRow(const float* from, typename Weights::Stored* to) {
  if constexpr (std::is_same_v<typename Weights::Stored, float>) {
#pragma GCC unroll 16
    for (size_t v = 0; v < kPanelVectors; ++v) {
      hn::StoreU(hn::LoadU(Floats(), from + v * kLanes), Floats(), to + v * kLanes);
    }
  }
}

template <typename Weights>
void Pack(const float* w, size_t depth_stride, size_t column_stride, size_t depth, size_t columns,
          float* packed) {
  for (size_t first = 0; first < columns; first += kPanelColumns, packed += PanelFloats<Weights>(depth)) {
    const size_t count = std::min(columns - first, kPanelColumns);
    const float* const from = w + first * column_stride;
    float scale[kPanelColumns] = {};
    if (Weights::kScaled) {
      for (size_t c = 0; c < count; ++c) {
        scale[c] = Int8Scale(from + c * column_stride, depth_stride, depth);
      }
      std::memcpy(packed, scale, sizeof(scale));
    }
    auto* to = reinterpret_cast<typename Weights::Stored*>(packed + (Weights::kScaled ? kPanelColumns : 0));
    const size_t numbers = RowNumbers<Weights>(VectorsOfPanel(count));
    const bool as_it_is = std::is_same_v<typename Weights::Stored, float> && column_stride == 1 &&
                          count == kPanelColumns;  // the trainer packs its weights in every step
    for (size_t k = 0; k < depth; ++k, to += numbers) {
      const float* row = from + k * depth_stride;
      if (as_it_is) {
        CopyRow<Weights>(row, to);
      } else if constexpr (Weights::kPairs) {
        const auto weight = [&](size_t c) { return c < count ? row[c * column_stride] : 0.0f; };
        for (size_t c = 0; c < numbers; ++c) to[c] = Weights::StorePair(weight(c), weight(c + kLanes));
      } else {
        for (size_t c = 0; c < count; ++c) to[c] = Weights::Store(row[c * column_stride], scale[c]);
        std::fill(to + count, to + numbers, typename Weights::Stored{0});
      }
    }
  }
}

}  // namespace
}  // namespace adscore::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard

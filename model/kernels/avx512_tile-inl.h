// Matrix products with AVX-512's instructions for narrow numbers, which multiply two bf16 or four int8 at
// once and add them up in 32 bits. Included by avx512_bf16.cc and avx512_vnni.cc, each of which says first,
// in ADSCORE_AVX512_TARGET, what its functions may use; only what the processor is known to have may call
// them.
//
// Panels and tiles are those of dense-inl.h, with words in the place of floats: a word of 32 bits holds what
// comes one after another in depth, of a column in the panel and of a row in x. The rows of x are made into
// words once per product, in DenseArgs::scratch.
//
//              columns 0 … 31
//   word 0     [ w(0,0) w(1,0) … | w(0,1) w(1,1) … | … ]      bf16: 2 weights to a word, int8: 4
//   word 1     [ …                                     ]
//
// Thread-safe: pure functions.
#ifndef ADSCORE_AVX512_TARGET
#error "say first what the functions may use"
#endif

#include <hwy/base.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "model/kernels/intrinsics.h"
#include "model/kernels/kernel_set.h"
#include "model/kernels/panels.h"

HWY_PUSH_ATTRIBUTES(ADSCORE_AVX512_TARGET)
namespace adscore::model {
namespace {

constexpr size_t kLanes = 16;
constexpr size_t kPanelVectors = 2;
constexpr size_t kPanelColumns = kPanelVectors * kLanes;
constexpr size_t kTileRows = 12;  // rows of words: 24 of the 32 registers are sums
// Panels that a tile of few rows takes, times its rows: twelve to sixteen sums in flight are plenty.
constexpr size_t kMostPanels = 6;
constexpr size_t kFewRowsPanels = 8;

// What a kind of narrow number has to say of itself, as a type Words:
//   kPerWord, kPanelHeader, kRowHeader       numbers in a word; words before a panel's and before a row's
//   kParts                                   rows of words that a row of x is made of, each with its own sums
//   kBlockWords                              words after which sums are full, and go to totals; or kNoBlocks
//   Sum, Total                               sixteen sums; sixteen totals of them, the same without blocks
//   Start(a, x, panel, row, column)          what the sums start from
//   Add(sum, x, w)                           plus the products of sixteen pairs of words
//   AddBlock(total, sum)                     with blocks: a full sum to a total, which begins at zero
//   Finish(totals, a, x, panel, row, column) sixteen of y's values, before ReLU; of each part a total
// where x is the header of the row of words, of the first one for Finish, and panel the panel's header, at
// the vector that `column` begins.
constexpr size_t kNoBlocks = SIZE_MAX;

template <typename Words>
constexpr size_t WordsOf(size_t depth) {
  return (depth + Words::kPerWord - 1) / Words::kPerWord;
}

template <typename Words>
constexpr size_t PanelWords(size_t depth) {
  return (Words::kPanelHeader + WordsOf<Words>(depth)) * kPanelColumns;
}

// Whole vectors, so that each row of x begins a cache line.
template <typename Words>
constexpr size_t RowWords(size_t depth) {
  return Words::kRowHeader + (WordsOf<Words>(depth) + kLanes - 1) / kLanes * kLanes;
}

template <typename Words>
size_t PackedFloats(size_t depth, size_t columns) {
  return (columns + kPanelColumns - 1) / kPanelColumns * PanelWords<Words>(depth);
}

template <typename Words>
size_t ScratchFloats(size_t rows, size_t depth) {
  return rows * Words::kParts * RowWords<Words>(depth);
}

HWY_INLINE __mmask16 FirstLanes(size_t count) {
  return static_cast<__mmask16>(count >= kLanes ? 0xffff : (1u << count) - 1);
}

// Where y(row, column …) starts; zeros in the padding of a panel.
HWY_INLINE __m512 LoadInit(const DenseArgs& a, size_t row, size_t column) {
  if (a.init == nullptr || column >= a.columns) return _mm512_setzero_ps();
  const float* init = a.init + (a.init_row != nullptr ? a.init_row[row] : 0) * a.init_stride;
  return _mm512_maskz_loadu_ps(FirstLanes(a.columns - column), init + column);
}

// Where vector v of a row of panels begins.
HWY_INLINE const float* At(const float* panels, size_t panel_stride, size_t v) {
  return panels + v / kPanelVectors * panel_stride + v % kPanelVectors * kLanes;
}

// kRows rows of x from `row` on, against kPanels panels from `column` on.
template <typename Words, size_t kRows, size_t kPanels>
void Tile(const DenseArgs& a, size_t row, size_t column) {
  constexpr size_t kVectors = kPanels * kPanelVectors;
  constexpr size_t kWordRows = kRows * Words::kParts;
  constexpr bool kBlocks = Words::kBlockWords != kNoBlocks;
  const size_t x_stride = RowWords<Words>(a.depth);
  const size_t panel_stride = PanelWords<Words>(a.depth);
  const auto* const x = reinterpret_cast<const int32_t*>(a.scratch) + row * Words::kParts * x_stride;
  const float* const panels = a.packed + column / kPanelColumns * panel_stride;
  typename Words::Sum sum[kWordRows][kVectors];
  for (size_t r = 0; r < kWordRows; ++r) {
    for (size_t v = 0; v < kVectors; ++v) {
      sum[r][v] = Words::Start(a, x + r * x_stride, At(panels, panel_stride, v), row + r / Words::kParts,
                               column + v * kLanes);
    }
  }
  const size_t words = WordsOf<Words>(a.depth);
  [[maybe_unused]] typename Words::Total total[kWordRows][kVectors];
  if constexpr (kBlocks) std::memset(total, 0, sizeof(total));
  for (size_t k = 0; k < words;) {
    const size_t end = kBlocks ? std::min(words, k + Words::kBlockWords) : words;
    for (; k < end; ++k) {
      const float* const wk = panels + (Words::kPanelHeader + k) * kPanelColumns;
      const int32_t* const xk = x + Words::kRowHeader + k;
      // Registers for the fewer of the two, as in dense-inl.h.
      if constexpr (kWordRows < kVectors) {
        __m512i xr[kWordRows];
#pragma GCC unroll 16
        for (size_t r = 0; r < kWordRows; ++r) xr[r] = _mm512_set1_epi32(xk[r * x_stride]);
#pragma GCC unroll 16
        for (size_t v = 0; v < kVectors; ++v) {
          const __m512i w = _mm512_loadu_si512(At(wk, panel_stride, v));
#pragma GCC unroll 16
          for (size_t r = 0; r < kWordRows; ++r) sum[r][v] = Words::Add(sum[r][v], xr[r], w);
        }
      } else {
        __m512i w[kVectors];
#pragma GCC unroll 16
        for (size_t v = 0; v < kVectors; ++v) w[v] = _mm512_loadu_si512(At(wk, panel_stride, v));
#pragma GCC unroll 16
        for (size_t r = 0; r < kWordRows; ++r) {
          const __m512i xr = _mm512_set1_epi32(xk[r * x_stride]);
#pragma GCC unroll 16
          for (size_t v = 0; v < kVectors; ++v) sum[r][v] = Words::Add(sum[r][v], xr, w[v]);
        }
      }
    }
    if constexpr (kBlocks) {
#pragma GCC unroll 16
      for (size_t r = 0; r < kWordRows; ++r) {
#pragma GCC unroll 16
        for (size_t v = 0; v < kVectors; ++v) {
          total[r][v] = Words::AddBlock(total[r][v], sum[r][v]);
          sum[r][v] = typename Words::Sum{};
        }
      }
    }
  }

  for (size_t v = 0; v < kVectors; ++v) {
    const size_t c = column + v * kLanes;
    if (c >= a.columns) break;
    for (size_t r = 0; r < kRows; ++r) {
      typename Words::Total parts[Words::kParts];
      for (size_t p = 0; p < Words::kParts; ++p) {
        if constexpr (kBlocks) {
          parts[p] = total[r * Words::kParts + p][v];
        } else {
          parts[p] = sum[r * Words::kParts + p][v];
        }
      }
      __m512 result =
          Words::Finish(parts, a, x + r * Words::kParts * x_stride, At(panels, panel_stride, v), row + r, c);
      if (a.relu) {  // a comparison, not a maximum: NaN becomes 0
        const __mmask16 positive = _mm512_cmp_ps_mask(result, _mm512_setzero_ps(), _CMP_GT_OQ);
        result = _mm512_maskz_mov_ps(positive, result);
      }
      _mm512_mask_storeu_ps(a.y + (row + r) * a.y_stride + c, FirstLanes(a.columns - c), result);
    }
  }
}

using TileOf = void (*)(const DenseArgs& a, size_t row, size_t column);

// Rows of x in a tile at most, and the panels that a tile of so many takes.
template <typename Words>
constexpr size_t kMostRows = kTileRows / Words::kParts;
template <typename Words>
constexpr size_t MostPanels(size_t rows) {
  return std::clamp<size_t>(kFewRowsPanels / (rows * Words::kParts), 1, kMostPanels);
}

// The tiles by rows and panels, each less one; null where no product has use for one.
template <typename Words>
struct Tiles {
  template <size_t kRows, size_t... kPanels>
  static constexpr std::array<TileOf, kMostPanels> OfRows(std::index_sequence<kPanels...> /*less one*/) {
    return {(kPanels < MostPanels<Words>(kRows)
                 ? &Tile<Words, kRows, std::min(kPanels + 1, MostPanels<Words>(kRows))>
                 : nullptr)...};
  }
  template <size_t... kRows>
  static constexpr std::array<std::array<TileOf, kMostPanels>, kMostRows<Words>> All(
      std::index_sequence<kRows...> /*less one*/) {
    return {OfRows<kRows + 1>(std::make_index_sequence<kMostPanels>())...};
  }

  static constexpr std::array<std::array<TileOf, kMostPanels>, kMostRows<Words>> kAll =
      All(std::make_index_sequence<kMostRows<Words>>());
};

// All rows of x are words in a.scratch.
template <typename Words>
void Products(const DenseArgs& a) {
  if (a.rows == 0) return;
  // Panel by panel, and the rows shared out evenly, as in dense-inl.h.
  const size_t panels = (a.columns + kPanelColumns - 1) / kPanelColumns;
  const size_t tiles = (a.rows + kMostRows<Words> - 1) / kMostRows<Words>;
  for (size_t panel = 0; panel < panels;) {
    const size_t now = tiles > 1 ? 1 : PanelsNow(panels - panel, MostPanels<Words>(a.rows));
    for (size_t row = 0, tile = 0; tile < tiles; ++tile) {
      const size_t rows = RowsNow(a.rows - row, tiles - tile);
      Tiles<Words>::kAll[rows - 1][now - 1](a, row, panel * kPanelColumns);
      row += rows;
    }
    panel += now;
  }
}

}  // namespace
}  // namespace adscore::model
HWY_POP_ATTRIBUTES

// Which pairs of columns say together what neither says by itself: "sports ads on cooking sites". A network
// learns a table of values by values only slowly and from many rows, while a cross (model/cross.h) counts its
// cells at once. So pairs that are beyond doubt are crossed without being asked for.
//
// An additive model of all columns is fitted to one half of the rows. What it leaves unexplained there in a
// cell of a pair, shrunk towards nothing, is held against what it leaves in the other half; and the other way
// round. The best pair is added to the model, so that another one which says the same is found no more, and
// the rest is looked at again.
//
// Thread-safe: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace adscore::trainer {

// Rows in the order of the log, by column. Cells are codes: 0 is empty, and different texts have different
// ones but for a few accidents.
struct CodedRows {
  std::vector<std::vector<uint16_t>> columns;  // [columns][rows]; empty: a column that is no feature
  std::vector<std::vector<uint8_t>> labels;    // [labels][rows], 1 = positive
  size_t rows = 0;
};

uint16_t CodeOf(std::string_view cell);

struct SelectedPair {
  size_t first = 0;  // indices of CodedRows::columns, in the order of `candidates`
  size_t second = 0;
  size_t label = 0;  // of which it says most
  // Share of that label's log loss which it saves, about, on rows that it was not counted on: to second order
  // in its effects, which is too much where they are large.
  double gain = 0;
};

// The most pairs that are selected: each makes requests dearer.
inline constexpr size_t kMostPairs = 6;

// Pairs of `candidates`, indices of columns of names; the best first. Those of many values are passed over: a
// cell must have 50 rows on average.
std::vector<SelectedPair> SelectPairs(const CodedRows& data, std::span<const size_t> candidates);

}  // namespace adscore::trainer

// What a column looks like in a sample of rows: counts and figures, no decisions.
//
// Not thread-safe while it is filled; constant afterwards.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"

namespace adscore::trainer {

// Delimiters that may separate the values within one cell.
inline constexpr std::array<char, 3> kInnerDelimiters = {'|', ';', ','};

// Labels of which each row's outcome is remembered beside its number.
inline constexpr size_t kMostLabelBits = 8;

struct ColumnProfile {
  uint64_t rows = 0;
  uint64_t empty = 0;                      // cells without any text
  uint64_t missing_numbers = 0;            // empty, or a way to write "no number"
  uint64_t leading_zeros = 0;              // integers such as 007
  uint64_t integers = 0;                   // numbers without a fraction
  uint64_t descents = 0;                   // numbers below the one before them
  bool in_unit_interval = true;            // every number is in [0, 1]
  std::vector<float> numbers;              // every cell that is one, in order
  std::vector<uint8_t> number_positives;   // of those rows: bit i, label i is positive (of the first eight)
  absl::flat_hash_set<uint64_t> distinct;  // hashes of the cells' text, without the empty one

  struct InnerTokens {
    uint64_t cells = 0;                    // cells with the delimiter in them
    absl::flat_hash_set<uint64_t> tokens;  // what the delimiter separates in those cells
  };
  std::array<InnerTokens, kInnerDelimiters.size()> inner;  // one per kInnerDelimiters

  // Cells that are dates or times, and what they span.
  struct Dates {
    uint64_t cells = 0;
    int64_t first_day = INT64_MAX;  // since 1970
    int64_t last_day = INT64_MIN;
    uint32_t hours = 0;  // bit h: some cell has the hour h
  };
  Dates dates;

  // Cells that are neither a number nor a way to write none.
  struct OtherTexts {
    uint64_t cells = 0;
    uint64_t like_first = 0;            // the same text as the first of them
    std::vector<std::string> examples;  // the first 100, whole characters of their first 40 bytes
  };
  OtherTexts other;

  // Cells that hold something other than 0: all of them, and by label those in rows where that label is
  // positive.
  uint64_t nonzero = 0;
  std::vector<uint64_t> nonzero_positive;  // [labels]

  // `positive`: [labels], 1 where the row's label is positive. The same length in every call.
  void Add(std::string_view cell, const std::vector<uint8_t>& positive);

  // Cells that are present, read as text or as numbers.
  uint64_t texts() const { return rows - empty; }
  uint64_t number_candidates() const { return rows - missing_numbers; }

  // Rows of the rarest number. 0 if there are none. Sorts a copy: for columns that have few different ones.
  uint64_t RarestNumberRows() const;

 private:
  void AddOther(std::string_view cell);
};

// Third standardised moment, E[((x - mean) / deviation)³]: 0 for a symmetric distribution, 2 for an
// exponential one. 0 if all numbers are equal.
double Skewness(const std::vector<float>& numbers);

// The same after model::NumericTransform::kSignedLog1p.
double SkewnessOfSignedLog(const std::vector<float>& numbers);

}  // namespace adscore::trainer

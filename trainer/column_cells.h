// The cells of one feature, cleaned and as numbers or token hashes; nothing is encoded yet.
//
// Not thread-safe while it is filled; constant afterwards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "model/schema.h"

namespace adscore::trainer {

// Only the members of the feature's kind are filled.
struct Column {
  std::vector<float> numeric;         // [rows]; NaN = missing or not a number
  std::vector<uint64_t> tokens;       // [rows]; token hashes, 0 = missing
  std::vector<uint32_t> multi_count;  // [rows]
  std::vector<uint64_t> multi;        // the values' hashes, row after row
  std::vector<uint64_t> multi_begin;  // [rows]: where a row's values start in `multi`
  uint64_t missing = 0;               // rows without a value
  // Numeric: cells that were neither a number nor missing. They count as missing.
  uint64_t unparsable = 0;
  std::string first_unparsable;  // the start of the first one
  uint64_t unknown = 0;          // names that a model does not know, where they were counted (cell_check.h)

  // Forgets the cells and what was counted, and keeps the memory.
  void Clear();

  // Memory for so many rows at once, so that nothing is copied as they are added. Lists grow as they must.
  void Reserve(model::FeatureKind kind, size_t rows);

  // Adds the cells of `more`, a column of the same feature, behind these; what was counted of them.
  void AppendCells(const Column& more);
  void AppendCounts(const Column& more);
  // Adds one row of `from`, a column of the same feature, and counts nothing.
  void AppendRow(const Column& from, size_t row);
};

}  // namespace adscore::trainer

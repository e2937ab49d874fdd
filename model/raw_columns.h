// Raw features as they come over the wire or out of a log, before any encoding: views of columns, and memory
// for those who must keep them.
//
// Thread-safe: plain values and pure functions; a RawStorage belongs to one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "model/schema.h"

namespace adscore::model {

// `rows` rows of the features of one role, column after column in schema order.
struct RawColumns {
  size_t rows = 0;
  std::span<const float> numeric;         // [numeric features][rows]; NaN = missing
  std::span<const uint64_t> categorical;  // [categorical features][rows]; token hashes, 0 = missing
  std::span<const uint32_t> multi_count;  // [multi-valued features][rows]; number of values, 0 = missing
  std::span<const uint64_t> multi;        // the values' hashes, one after another in the order of multi_count
};

// The memory behind RawColumns, used over and over.
struct RawStorage {
  std::vector<float> numeric;
  std::vector<uint64_t> categorical;
  std::vector<uint32_t> multi_count;
  std::vector<uint64_t> multi;

  void Clear();
  // What it holds, as `rows` rows.
  RawColumns View(size_t rows) const;
  // The first `rows` rows of `columns`, which has no fewer.
  void CopyFirst(size_t rows, const RawColumns& columns);
};

// One impression: the context's single row and the candidates' rows, all of which are to be scored, or a
// slice of them.
struct Impression {
  RawColumns context;  // rows == 1
  RawColumns
      candidates;  // rows >= 1; the number of candidates also where the schema has no candidate feature
  // The slice: candidates [begin, end), and no further than there are.
  size_t begin = 0;
  size_t end = SIZE_MAX;

  // Candidates to score.
  size_t Rows() const { return std::min(end, candidates.rows) - begin; }
};

// OK if `columns` has exactly the shape that `schema` asks of `role`, no infinite number, and none missing
// where MissingRule::kRefuse says so. Otherwise InvalidArgument: which part, how many values were expected
// and how many came, or which feature and row.
absl::Status CheckColumns(const Schema& schema, FeatureRole role, const RawColumns& columns);

}  // namespace adscore::model

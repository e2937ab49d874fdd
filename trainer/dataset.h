// An impression log: raw features in columns, and labels. Read once, cleaned on the way; nothing is encoded
// yet. The labels are in memory; the features' cells are too, or in a cache on disk if they are too many.
//
// Not thread-safe while it is filled; constant afterwards, and then any thread may read.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/raw_columns.h"
#include "model/schema.h"
#include "model/snapshot.h"
#include "trainer/cell_cache.h"
#include "trainer/column_cells.h"

namespace adscore::trainer {

// The storage behind model::RawColumns, kept between calls so that it is allocated once.
struct RawStorage {
  std::vector<float> numeric;
  std::vector<uint64_t> categorical;
  std::vector<uint32_t> multi_count;
  std::vector<uint64_t> multi;
};

inline constexpr uint8_t kUnknownLabel = 2;

struct Dataset {
  model::Schema schema;
  std::vector<Column> columns;  // one per feature of the schema
  // [heads][rows]: 1 is positive, 0 negative, and kUnknownLabel neither: the row has no part in what is
  // learnt and said of that head. Empty if the file has no label columns.
  std::vector<std::vector<uint8_t>> labels;
  // [rows]: what each counts for when it is learnt from; empty: 1 for all of them.
  std::vector<float> weights;
  // [rows], in seconds (label_window.h); empty unless they were asked for.
  std::vector<int64_t> times;
  size_t rows = 0;
  // Where the cells are; null: in `columns`. With a cache, `columns` has only what was counted.
  std::unique_ptr<const CellCache> cache;

  float Weight(size_t row) const { return weights.empty() ? 1.0F : weights[row]; }

  // The rows in blocks that can be in memory one at a time: all of them are one if there is no cache.
  size_t blocks() const { return cache == nullptr ? 1 : cache->blocks(); }
  size_t BlockBegin(size_t block) const { return cache == nullptr ? 0 : cache->BlockBegin(block); }
  size_t BlockEnd(size_t block) const { return cache == nullptr ? rows : cache->BlockBegin(block + 1); }
  // The cells of a feature in a block, whose first row is row 0 of them. They are in memory already, or are
  // read into `buffer`.
  absl::StatusOr<const Column*> Cells(size_t feature, size_t block, Column* buffer) const;

  // Adds the rows of `more`, a block of the same log, as if their cells were elsewhere.
  void AppendLabelsAndCounts(const Dataset& more);

  // Without a cache only: rows [first, first + count) of the features of one role, as a request would carry
  // them. The views point into `storage` and are valid until it is used again.
  model::RawColumns Slice(model::FeatureRole role, size_t first, size_t count, RawStorage* storage) const;
  // The same for any rows, in the order given.
  model::RawColumns Gather(model::FeatureRole role, std::span<const uint32_t> row_ids,
                           RawStorage* storage) const;
};

// Whether a label of any row is not known.
bool HasUnknownLabels(const Dataset& data);

// Calls visit(column, row of the column, row of the data set) for each of `rows`, which ascend, a block at a
// time.
template <typename Visit>
absl::Status ForEachCell(const Dataset& data, size_t feature, std::span<const uint32_t> rows,
                         const Visit& visit) {
  Column buffer;
  size_t at = 0;
  for (size_t block = 0; block < data.blocks() && at < rows.size(); ++block) {
    const size_t begin = data.BlockBegin(block);
    const size_t end = data.BlockEnd(block);
    if (rows[at] >= end) continue;
    const absl::StatusOr<const Column*> column = data.Cells(feature, block, &buffer);
    if (!column.ok()) return column.status();
    for (; at < rows.size() && rows[at] < end; ++at) visit(**column, rows[at] - begin, rows[at]);
  }
  return absl::OkStatus();
}

// Calls visit(block, local rows, begin) for the blocks that hold `rows`, which ascend: a block is a data set
// without labels in memory, whose row i is row begin + i of `data`; without a cache it is `data` itself.
// Stops at the first error.
using BlockVisit =
    std::function<absl::Status(const Dataset& block, std::span<const uint32_t> rows, size_t begin)>;
absl::Status ForEachBlock(const Dataset& data, std::span<const uint32_t> rows, const BlockVisit& visit);

// Those rows alone, in memory, with labels and weights. They ascend.
absl::StatusOr<Dataset> TakeRows(const Dataset& data, std::span<const uint32_t> rows);

// `--label click[=yes][,conversion]`: head name = column name. InvalidArgument for an empty or repeated name,
// or one that is not UTF-8.
absl::StatusOr<std::vector<model::Label>> ParseLabels(std::string_view flag);

}  // namespace adscore::trainer

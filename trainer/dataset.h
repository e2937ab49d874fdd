// An impression log in memory: raw features in columns, and labels. Read once, cleaned on the way; nothing is
// encoded yet.
//
// Not thread-safe while it is filled; constant afterwards.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "data/table_reader.h"
#include "model/raw_columns.h"
#include "model/schema.h"
#include "model/snapshot.h"

namespace adscore::trainer {

// One feature's cells. Only the members of its kind are filled.
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
};

// The storage behind model::RawColumns, kept between calls so that it is allocated once.
struct RawStorage {
  std::vector<float> numeric;
  std::vector<uint64_t> categorical;
  std::vector<uint32_t> multi_count;
  std::vector<uint64_t> multi;
};

struct Dataset {
  model::Schema schema;
  std::vector<Column> columns;  // one per feature of the schema
  std::vector<std::vector<uint8_t>>
      labels;  // [heads][rows], 1 = positive; empty if the file has no label columns
  size_t rows = 0;

  // Rows [first, first + count) of the features of one role, as a request would carry them. The views point
  // into `storage` and are valid until it is used again.
  model::RawColumns Slice(model::FeatureRole role, size_t first, size_t count, RawStorage* storage) const;
  // The same for any rows, in the order given.
  model::RawColumns Gather(model::FeatureRole role, std::span<const uint32_t> row_ids,
                           RawStorage* storage) const;
};

// Called now and then while a file is read.
using ReadProgress = std::function<void(uint64_t rows, uint64_t bytes_read, uint64_t bytes_total)>;

// Reads the columns of `schema` and of `labels` from a file; other columns are left alone. InvalidArgument,
// naming file, column and line, if: a column of the schema is not there (the message lists those that are);
// some but not all label columns are there, or none is and `labels_required`; a label's cell is neither
// positive nor negative (the message shows the cell and, if labels are required, how to name the positive
// one); a row is ragged; there are no rows.
absl::StatusOr<Dataset> ReadDataset(const std::string& path, data::Format format, const model::Schema& schema,
                                    const std::vector<model::Label>& labels, bool labels_required,
                                    const ReadProgress& progress);

// Rows of a file, as ReadDataset will find them. InvalidArgument for one that is ragged.
absl::StatusOr<uint64_t> CountRows(const std::string& path, data::Format format,
                                   const ReadProgress& progress);

// `--label click[=yes][,conversion]`: head name = column name. InvalidArgument for an empty or repeated name,
// or one that is not UTF-8.
absl::StatusOr<std::vector<model::Label>> ParseLabels(std::string_view flag);

}  // namespace adscore::trainer

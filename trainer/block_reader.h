// Reads a log block by block: the text of a file becomes numbers, token hashes and labels.
//
// Not thread-safe: one owner per reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "model/schema.h"
#include "model/snapshot.h"
#include "trainer/dataset.h"
#include "trainer/sources.h"

namespace adscore::trainer {

inline constexpr size_t kBlockRows = 65'536;

class BlockReader {
 public:
  // For the columns of `schema` and of `labels`, and `time_column` for Dataset::times unless it is empty;
  // other columns of the file are left alone. InvalidArgument if a column of the schema is not there (the
  // message lists those that are), or if some but not all label columns are, or none is and
  // `labels_required`.
  static absl::StatusOr<std::unique_ptr<BlockReader>> Open(const Sources& sources, data::Format format,
                                                           const model::Schema& schema,
                                                           const std::vector<model::Label>& labels,
                                                           bool labels_required,
                                                           const std::string& time_column = "");

  // Replaces `block`, which must be empty or have come from this reader, by the next rows, at most `rows` of
  // them; false if there are none. An empty block takes memory for `rows` rows at once, if the log is that
  // long. InvalidArgument, naming file and line, for a ragged row, and for a label's cell that is neither
  // positive nor negative (the message shows the cell and, if labels are required, how to name the positive
  // one), or a time that is none.
  absl::StatusOr<bool> Next(size_t rows, Dataset* block);

  uint64_t bytes_read() const { return table_->bytes_read(); }
  uint64_t bytes_total() const { return table_->bytes_total(); }

 private:
  BlockReader() = default;

  // Constant after Open().
  data::Format format_ = data::Format::kAuto;
  model::Schema schema_;
  std::vector<model::Label> labels_;
  bool labels_required_ = false;
  std::vector<size_t> feature_cells_;  // which cell of a row each feature is
  std::vector<size_t> label_cells_;    // likewise; empty if the file has no labels
  std::optional<size_t> time_cell_;
  bool weighted_ = false;

  std::unique_ptr<SourceReader> table_;
  std::vector<std::string_view> cells_;
};

}  // namespace adscore::trainer

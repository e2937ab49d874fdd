// The cells of a log that is too large for memory: columns, in blocks of rows, in a file that has no name, so
// that nothing is left of it however the process ends. Read with plain reads, not mapped: the pages are the
// system's to keep or to drop, and do not count as the process's memory.
//
// Thread-safe: Append by one thread, before anyone reads; then Read by any number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/system_calls.h"
#include "trainer/column_cells.h"

namespace adscore::trainer {

class CellCache {
 public:
  // An empty one in `directory`, which is named in the message if nothing can be written there.
  static absl::StatusOr<std::unique_ptr<CellCache>> Create(const std::string& directory);

  CellCache(std::string directory, int fd) : directory_(std::move(directory)), file_(fd) {}

  // Adds rows [first, first + count) of `columns`, one per feature, as a block. ResourceExhausted if the disk
  // is full: the message says how much was written, and names the ways out.
  absl::Status Append(const std::vector<Column>& columns, size_t first, size_t count);

  // The first `rows` rows, as a cache that is read from the same file and may outlive this one.
  absl::StatusOr<std::unique_ptr<const CellCache>> FirstRows(size_t rows) const;

  size_t blocks() const { return blocks_.size(); }
  // Rows [BlockBegin(b), BlockBegin(b + 1)) of the log are in block b.
  size_t BlockBegin(size_t block) const { return begins_[block]; }
  uint64_t bytes() const { return bytes_; }
  uint64_t multi_values() const { return multi_values_; }  // of all multi-valued features in all blocks

  // Replaces the cells of `to` by a feature's in one block; behind the last of FirstRows() may be more.
  // DataLoss if the file has become shorter.
  absl::Status Read(size_t block, size_t feature, Column* to) const;

 private:
  // Where a feature's cells of one block lie, and how many values there are of each member of Column.
  struct Extent {
    uint64_t offset = 0;
    size_t numeric = 0;
    size_t tokens = 0;
    size_t multi_count = 0;
    size_t multi = 0;
  };

  template <typename T>
  absl::Status Write(const std::vector<T>& values, size_t first, size_t count);
  template <typename T>
  absl::Status ReadValues(size_t count, uint64_t* offset, std::vector<T>* to) const;

  const std::string directory_;
  const model::FileDescriptor file_;
  std::vector<std::vector<Extent>> blocks_;  // [blocks][features]
  std::vector<size_t> begins_ = {0};         // [blocks + 1]
  uint64_t bytes_ = 0;
  uint64_t multi_values_ = 0;
};

}  // namespace adscore::trainer

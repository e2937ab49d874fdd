// From a file to a data set, in one pass over the file and with bounded memory.
//
// Thread-safe: pure functions over a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "data/table_reader.h"
#include "model/schema.h"
#include "model/snapshot.h"
#include "trainer/dataset.h"
#include "trainer/sources.h"

namespace adscore::trainer {

struct CacheOptions {
  // What the rows may take, as they are read and once more as they are encoded for training. Beyond it their
  // cells are cached on disk.
  size_t memory_bytes = size_t{1} << 30;
  std::string directory;  // for the cache; empty: $TMPDIR, or /tmp
};

// Called now and then while a file is read.
using ReadProgress = std::function<void(uint64_t rows, uint64_t bytes_read, uint64_t bytes_total)>;

// Reads files as BlockReader does, whose errors it returns. InvalidArgument too if there are no rows;
// ResourceExhausted if the cache finds no room.
absl::StatusOr<Dataset> ReadDataset(const Sources& sources, data::Format format, const model::Schema& schema,
                                    const std::vector<model::Label>& labels, bool labels_required,
                                    const ReadProgress& progress, const CacheOptions& cache = {},
                                    const std::string& time_column = "");

// Rows of the files, as ReadDataset will find them, or `at_most` if there are more. InvalidArgument for one
// that is ragged.
absl::StatusOr<uint64_t> CountRows(const Sources& sources, data::Format format, uint64_t at_most,
                                   const ReadProgress& progress);

}  // namespace adscore::trainer

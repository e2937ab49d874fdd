// Reads impression logs row by row: CSV as people have it (comma, semicolon, tab or pipe; quotes; CRLF; a
// byte order mark; gzip), and Criteo's headerless TSV.
//
// Not thread-safe: one thread per reader.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace adscore::data {

enum class Format {
  kAuto,  // kCriteo if the first line looks like it (39 or 40 tab-separated cells, no header), otherwise kCsv
  kCsv,   // one header line; the delimiter is the one that splits the first lines most evenly
  kCriteo,  // no header: label, I1…I13, C1…C26, tab separated; the label may be absent (39 columns)
};

// "auto", "csv", "criteo".
absl::StatusOr<Format> ParseFormat(std::string_view name);

class TableReader {
 public:
  virtual ~TableReader() = default;

  // Opens `path` and reads its header. InvalidArgument with the path in the message if it is empty, has a
  // header with two columns of one name, an empty name or one that is not UTF-8, or is binary;
  // NotFound/PermissionDenied if it can't be opened.
  static absl::StatusOr<std::unique_ptr<TableReader>> Open(const std::string& path, Format format);

  // Column names, in file order. Constant.
  virtual const std::vector<std::string>& columns() const = 0;

  // True and one cell per column, or false at the end of the file. The views are valid until the next call.
  // Blank lines are skipped. InvalidArgument for a row with another number of cells than the header, or for a
  // quote that is never closed: the message says path, line and counts. DataLoss for a truncated gzip stream.
  virtual absl::StatusOr<bool> Next(std::vector<std::string_view>* cells) = 0;

  // 1-based line on which the last row started.
  virtual uint64_t line() const = 0;

  // Bytes of the file consumed so far and in all, compressed bytes if it is compressed: for progress.
  virtual uint64_t bytes_read() const = 0;
  virtual uint64_t bytes_total() const = 0;
};

}  // namespace adscore::data

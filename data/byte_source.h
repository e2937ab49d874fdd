// The bytes of a file, front to back, decompressed on the way if it is gzip (known by its first bytes, not
// its name).
//
// Not thread-safe: one thread per source.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace adscore::data {

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Opens a regular file. NotFound, PermissionDenied; InvalidArgument for a directory, a pipe or a device.
  static absl::StatusOr<std::unique_ptr<ByteSource>> Open(const std::string& path);

  // Fills `to` with up to `size` bytes (size > 0) and returns how many: 0 only at the end. DataLoss, naming
  // the file, for a gzip stream that is truncated, damaged or followed by something else. Several gzip
  // members in a row are one stream, as gzip itself has it.
  virtual absl::StatusOr<size_t> Read(char* to, size_t size) = 0;

  // Bytes of the file itself, compressed if it is: consumed so far, and in all when it was opened.
  virtual uint64_t bytes_read() const = 0;
  virtual uint64_t bytes_total() const = 0;
};

}  // namespace adscore::data

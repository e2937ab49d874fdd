// Whether a file is still what it was: a log that is written to while it is read would give rows that belong
// to no one moment.
//
// Thread-safe: constant after construction.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace adscore::data {

class FileVersion {
 public:
  // The file's version now. NotFound, PermissionDenied.
  static absl::StatusOr<FileVersion> Of(const std::string& path);

  // FailedPrecondition, naming the file and what changed, if it is another file by now, or has another size
  // or time of modification.
  absl::Status CheckUnchanged() const;

 private:
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  off_t size_ = 0;
  int64_t modified_ = 0;  // nanoseconds
};

}  // namespace adscore::data

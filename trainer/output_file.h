// A file that appears whole or not at all: written without a name, or under a temporary one beside it where
// the file system needs that, and renamed at the end. Compressed with gzip if its name ends in ".gz".
//
// Not thread-safe: one owner per object.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace adscore::trainer {

class OutputFile {
 public:
  virtual ~OutputFile() = default;  // if Finish() was not called, or failed, nothing is left

  // Creates the file, which isn't to be seen yet. An existing file of that name is replaced by Finish().
  // NotFound if the directory is not there, PermissionDenied, InvalidArgument if `path` is a directory.
  static absl::StatusOr<std::unique_ptr<OutputFile>> Create(const std::string& path);

  virtual absl::Status Write(std::string_view bytes) = 0;

  // Everything to the disk, then the rename. Nothing may be written afterwards.
  virtual absl::Status Finish() = 0;

  // Removes the temporary files of this process that have a name, for when it ends at once. May be called in
  // a signal handler, and nothing may be written afterwards.
  static void RemoveUnfinished();
};

}  // namespace adscore::trainer

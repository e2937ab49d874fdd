// Which file it is that a path leads to. A version's number is a name: a directory that was removed and
// published anew has the same one and is another snapshot.
//
// Thread-safe: plain values and a function over the file system.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace adscore::server {

// Device, inode, size and time of modification: what no two files that are published one after the other
// share, without reading either.
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t bytes = 0;
  int64_t modified_at = 0;  // Unix nanoseconds

  bool operator==(const FileIdentity&) const = default;
  // Perhaps written to in between.
  bool IsSameFileAs(const FileIdentity& other) const {
    return device == other.device && inode == other.inode;
  }

  // Nothing if there is no file, or no reaching it.
  static std::optional<FileIdentity> Of(const std::string& path);
};

}  // namespace adscore::server

#include "data/file_version.h"

#include <sys/stat.h>

#include <cerrno>

#include "absl/strings/str_cat.h"

namespace adscore::data {

absl::StatusOr<FileVersion> FileVersion::Of(const std::string& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) return absl::ErrnoToStatus(errno, absl::StrCat("can't open ", path));
  FileVersion version;
  version.path_ = path;
  version.device_ = info.st_dev;
  version.inode_ = info.st_ino;
  version.size_ = info.st_size;
  version.modified_ = int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
  return version;
}

absl::Status FileVersion::CheckUnchanged() const {
  const absl::StatusOr<FileVersion> now = Of(path_);
  if (!now.ok()) {
    return absl::FailedPreconditionError(absl::StrCat(path_, " was taken away while it was read (",
                                                      now.status().message(),
                                                      "); wait until it is written, and start again"));
  }
  const bool same_file = now->device_ == device_ && now->inode_ == inode_;
  if (same_file && now->size_ == size_ && now->modified_ == modified_) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(path_, " changed while it was read (",
                   !same_file            ? std::string("it was replaced")
                   : now->size_ != size_ ? absl::StrCat("from ", size_, " to ", now->size_, " bytes")
                                         : std::string("it was written to"),
                   "); copy it, or wait until it is written, and start again"));
}

}  // namespace adscore::data

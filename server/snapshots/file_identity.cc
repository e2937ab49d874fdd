#include "server/snapshots/file_identity.h"

#include <sys/stat.h>

namespace adscore::server {

std::optional<FileIdentity> FileIdentity::Of(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return std::nullopt;
  return FileIdentity{.device = info.st_dev,
                      .inode = info.st_ino,
                      .bytes = info.st_size,
                      .modified_at = info.st_mtim.tv_sec * int64_t{1'000'000'000} + info.st_mtim.tv_nsec};
}

}  // namespace adscore::server

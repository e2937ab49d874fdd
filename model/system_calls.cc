#include "model/system_calls.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace adscore::model {

int SystemCalls::Open(const std::string& path, int flags, mode_t mode) const {
  return open(path.c_str(), flags, mode);
}

int SystemCalls::Stat(int fd, struct stat* info) const { return fstat(fd, info); }

void* SystemCalls::Map(size_t size, int fd) const {
  return mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
}

ssize_t SystemCalls::Write(int fd, const void* data, size_t size) const { return write(fd, data, size); }

int SystemCalls::Sync(int fd) const { return fsync(fd); }

int SystemCalls::MakeTemporaryDirectory(std::string* path) const {
  return mkdtemp(path->data()) == nullptr ? -1 : 0;
}

int SystemCalls::RenameToNew(const std::string& from, const std::string& to) const {
  const int result = renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE);
  if (result == 0 || errno != EINVAL) return result;
  // A file system without that flag: there, rename() still refuses any directory that is not empty.
  return rename(from.c_str(), to.c_str());
}

const SystemCalls& SystemCalls::Default() {
  static const SystemCalls kCalls;
  return kCalls;
}

absl::Status SystemError(int error, const std::string& what) {
  const std::string message = absl::StrCat(what, ": ", std::strerror(error));
  switch (error) {
    case ENOENT:
      return absl::NotFoundError(absl::StrCat(message, "; it is not there, or was removed in the meantime"));
    case EEXIST:
      return absl::AlreadyExistsError(message);
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(absl::StrCat(message, "; give this user access to it"));
    case ENOSPC:
    case EDQUOT:
      return absl::ResourceExhaustedError(absl::StrCat(message, "; make room there and try again"));
    case ENOMEM:
      return absl::ResourceExhaustedError(
          absl::StrCat(message, "; give this process more memory or address space (ulimit -v)"));
    case EMFILE:
    case ENFILE:
      return absl::ResourceExhaustedError(
          absl::StrCat(message, "; raise the limit of open files (ulimit -n)"));
    case EIO:
      return absl::UnavailableError(
          absl::StrCat(message, "; look at the disk (dmesg) or the mount, then try again"));
    default:
      return absl::UnavailableError(message);
  }
}

absl::Status WriteAll(const SystemCalls& calls, int fd, const void* data, size_t size,
                      const std::string& path) {
  const auto* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = calls.Write(fd, at, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {  // nothing at all, without a reason, would be tried for ever
      return SystemError(written < 0 ? errno : EIO, absl::StrCat("can't write ", path));
    }
    at += written;
    size -= static_cast<size_t>(written);
  }
  return absl::OkStatus();
}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace adscore::model

#include "trainer/publishing_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace adscore::trainer {
namespace {

namespace fs = std::filesystem;

// A leading dot: no version's name and nothing that a watcher looks at.
constexpr char kPrefix[] = ".publishing-";
constexpr std::chrono::hours kStale{24};  // no publish takes so long
constexpr int kTries = 100;

// kPrefix and what tells this boot of this machine from others; empty if the system does not say.
const std::string& OwnPrefix() {
  static const auto* const kOwn = [] {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string boot;
    file >> boot;
    return new std::string(
        boot.empty() ? "" : absl::StrFormat("%s%08x-", kPrefix, std::hash<std::string>()(boot) & 0xffffffff));
  }();
  return *kOwn;
}

enum class Lock { kTaken, kHeldByAnother, kNotPossible };

Lock TakeLock(int fd) {
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return Lock::kTaken;
  return errno == EWOULDBLOCK ? Lock::kHeldByAnother : Lock::kNotPossible;
}

int OpenDirectory(const std::string& path) {
  return open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

// Whether the path still leads to what was opened: it may have been renamed or removed in between.
bool IsStillAt(const std::string& path, int fd) {
  struct stat opened;
  struct stat there;
  return fstat(fd, &opened) == 0 && lstat(path.c_str(), &there) == 0 && opened.st_dev == there.st_dev &&
         opened.st_ino == there.st_ino;
}

void RemoveIfNobodys(const std::string& path) {
  std::error_code gone;  // another publish may be clearing up too, or its owner has renamed it
  const model::FileDescriptor directory(OpenDirectory(path));
  const bool own = !OwnPrefix().empty() && fs::path(path).filename().string().starts_with(OwnPrefix());
  if (own && directory.get() >= 0) {
    const Lock lock = TakeLock(directory.get());
    if (lock == Lock::kHeldByAnother) return;
    if (lock == Lock::kTaken) {
      // Held while it is removed: a publisher that has made it and not locked it yet will see that.
      if (IsStillAt(path, directory.get())) fs::remove_all(path, gone);
      return;
    }
  }
  const fs::file_time_type changed = fs::last_write_time(path, gone);
  if (!gone && fs::file_time_type::clock::now() - changed > kStale) fs::remove_all(path, gone);
}

}  // namespace

absl::StatusOr<std::unique_ptr<PublishingDirectory>> PublishingDirectory::Make(
    const std::string& parent, const model::SystemCalls& calls) {
  const std::string prefix = OwnPrefix().empty() ? kPrefix : OwnPrefix();
  for (int i = 0; i < kTries; ++i) {
    std::string path = absl::StrCat(parent, "/", prefix, "XXXXXX");
    if (calls.MakeTemporaryDirectory(&path) != 0) {
      return model::SystemError(errno, absl::StrCat("can't create a directory like ", path));
    }
    // Until it is locked it looks stale, and another publish may remove it: then make another one.
    model::FileDescriptor directory(OpenDirectory(path));
    if (directory.get() < 0) {
      if (errno == ENOENT) continue;
      const int error = errno;
      std::error_code ignored;
      fs::remove(path, ignored);
      return model::SystemError(error, absl::StrCat("can't open ", path));
    }
    if (TakeLock(directory.get()) == Lock::kHeldByAnother || !IsStillAt(path, directory.get())) continue;
    std::unique_ptr<PublishingDirectory> made(new PublishingDirectory(std::move(path), std::move(directory)));
    if (fchmod(made->lock_.get(), 0755) != 0) {
      return model::SystemError(errno, absl::StrCat("can't set the permissions of ", made->path_));
    }
    return made;
  }
  return absl::UnavailableError(absl::StrCat("can't keep a directory in ", parent, ": it was removed ",
                                             kTries, " times; find out what clears it, and try again"));
}

PublishingDirectory::PublishingDirectory(std::string path, model::FileDescriptor lock)
    : path_(std::move(path)), lock_(std::move(lock)) {}

PublishingDirectory::~PublishingDirectory() {
  std::error_code ignored;
  if (!kept_) fs::remove_all(path_, ignored);
}

void RemoveStalePublishing(const std::string& parent) {
  std::error_code ignored;
  for (fs::directory_iterator it(parent, ignored), end; !ignored && it != end; it.increment(ignored)) {
    if (it->path().filename().string().starts_with(kPrefix)) RemoveIfNobodys(it->path().string());
  }
}

}  // namespace adscore::trainer

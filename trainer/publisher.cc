#include "trainer/publisher.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/model.h"
#include "model/model_root.h"

namespace adscore::trainer {
namespace {

namespace fs = std::filesystem;

absl::Status Failed(const std::string& doing, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("can't ", doing, " ", path));
}

constexpr char kTemporaryPrefix[] = ".publishing-";
constexpr std::chrono::hours kStale{24};  // no publish takes so long

// A directory that is removed with all that is in it, unless it was kept by then.
class TemporaryDirectory {
 public:
  static absl::StatusOr<std::unique_ptr<TemporaryDirectory>> Make(const std::string& parent) {
    // A leading dot: no version's name and nothing that a watcher looks at.
    std::string path = absl::StrCat(parent, "/", kTemporaryPrefix, "XXXXXX");
    if (mkdtemp(path.data()) == nullptr) return Failed("create a directory like", path);
    auto made = std::unique_ptr<TemporaryDirectory>(new TemporaryDirectory(path));
    if (chmod(path.c_str(), 0755) != 0) return Failed("set the permissions of", path);
    return made;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    if (!kept_) fs::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  void Keep() { kept_ = true; }

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}
  const std::string path_;
  bool kept_ = false;
};

absl::Status SyncDirectory(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Failed("open", path);
  const int result = fsync(fd);
  const int error = errno;
  close(fd);
  errno = error;
  return result == 0 ? absl::OkStatus() : Failed("sync", path);
}

absl::Status WriteFile(const std::string& path, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return Failed("create", path);
  absl::Status status;
  for (size_t done = 0; status.ok() && done < text.size();) {
    const ssize_t count = write(fd, text.data() + done, text.size() - done);
    if (count >= 0) {
      done += static_cast<size_t>(count);
    } else if (errno != EINTR) {
      status = Failed("write", path);
    }
  }
  if (status.ok() && fsync(fd) != 0) status = Failed("sync", path);
  if (close(fd) != 0 && status.ok()) status = Failed("close", path);
  return status;
}

// Removes what publishes that were killed have left behind. Failing at that is no reason not to publish.
void RemoveStale(const std::string& parent) {
  std::error_code ignored;
  for (fs::directory_iterator it(parent, ignored), end; !ignored && it != end; it.increment(ignored)) {
    if (!it->path().filename().string().starts_with(kTemporaryPrefix)) continue;
    std::error_code gone;  // another publish may be clearing up too
    const fs::file_time_type changed = fs::last_write_time(it->path(), gone);
    if (!gone && fs::file_time_type::clock::now() - changed > kStale) fs::remove_all(it->path(), gone);
  }
}

// One more than the highest version in the directory, complete or not.
absl::StatusOr<int64_t> NextVersion(const std::string& directory) {
  int64_t highest = 0;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    highest = std::max(highest, model::ParseVersion(it->path().filename().string()).value_or(0));
  }
  if (error) return absl::UnavailableError(absl::StrCat("can't list ", directory, ": ", error.message()));
  return highest + 1;
}

// Opens what was written as a server will, and replays its golden rows on every kernel set that this machine
// has.
absl::StatusOr<uint64_t> CheckSnapshot(const std::string& path) {
  uint64_t bytes = 0;
  for (const model::KernelSet* kernels : model::AvailableKernelSets(model::Precision::kF32)) {
    absl::StatusOr<std::unique_ptr<const model::MappedSnapshot>> mapped = model::MappedSnapshot::Open(path);
    if (!mapped.ok()) return mapped.status();
    bytes = (*mapped)->file_bytes();
    const model::Model model(*std::move(mapped), *kernels);
    const float error = model.GoldenError();
    if (!(error <= kGoldenTolerance)) {
      return absl::InternalError(absl::StrCat("the snapshot was not published: its golden rows come out ",
                                              error, " off on the ", kernels->name, " kernels, and at most ",
                                              kGoldenTolerance, " is right; please report this"));
    }
  }
  return bytes;
}

// Renames a directory, but never onto something that is there.
int RenameToNew(const std::string& from, const std::string& to) {
  const int result = renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE);
  if (result == 0 || errno != EINVAL) return result;
  // A file system without that flag: there, rename() still refuses any directory that is not empty.
  return rename(from.c_str(), to.c_str());
}

}  // namespace

absl::StatusOr<Published> Publish(const std::string& root, const std::string& name,
                                  const model::Snapshot& snapshot,
                                  const std::function<std::string(int64_t version)>& manifest) {
  absl::Status status = model::CheckModelName(name);
  if (!status.ok()) return status;
  const std::string directory = root + "/" + name;
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) {
    return absl::PermissionDeniedError(absl::StrCat("can't create ", directory, " (", error.message(),
                                                    "): give a --model-root you can write to"));
  }
  RemoveStale(directory);
  absl::StatusOr<std::unique_ptr<TemporaryDirectory>> temporary = TemporaryDirectory::Make(directory);
  if (!temporary.ok()) return temporary.status();
  const std::string& path = (*temporary)->path();

  const std::string snapshot_path = absl::StrCat(path, "/", std::string(model::kSnapshotFile));
  status = model::WriteSnapshot(snapshot, snapshot_path);
  if (!status.ok()) return status;
  const absl::StatusOr<uint64_t> bytes = CheckSnapshot(snapshot_path);
  if (!bytes.ok()) return bytes.status();

  while (true) {
    const absl::StatusOr<int64_t> version = NextVersion(directory);
    if (!version.ok()) return version.status();
    status = WriteFile(absl::StrCat(path, "/", std::string(model::kManifestFile)), manifest(*version));
    if (status.ok()) status = SyncDirectory(path);
    if (!status.ok()) return status;
    const std::string target = model::VersionDirectory(root, name, *version);
    if (RenameToNew(path, target) == 0) {
      (*temporary)->Keep();
      // It is published by now; the syncs make it stay so through a power cut.
      status = SyncDirectory(directory);
      if (status.ok()) status = SyncDirectory(root);
      if (!status.ok()) return status;
      return Published{*version, target, *bytes};
    }
    if (errno != EEXIST && errno != ENOTEMPTY) return Failed("rename the new version to", target);
  }
}

}  // namespace adscore::trainer

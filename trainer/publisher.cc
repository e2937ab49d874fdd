#include "trainer/publisher.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/model.h"
#include "model/model_root.h"
#include "trainer/publishing_directory.h"

namespace adscore::trainer {
namespace {

namespace fs = std::filesystem;

absl::Status SyncDirectory(const model::SystemCalls& calls, const std::string& path) {
  const model::FileDescriptor directory(calls.Open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
  if (directory.get() < 0) return model::SystemError(errno, absl::StrCat("can't open ", path));
  if (calls.Sync(directory.get()) != 0) return model::SystemError(errno, absl::StrCat("can't sync ", path));
  return absl::OkStatus();
}

absl::Status WriteFile(const model::SystemCalls& calls, const std::string& path, const std::string& text) {
  const model::FileDescriptor file(calls.Open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.get() < 0) return model::SystemError(errno, absl::StrCat("can't create ", path));
  absl::Status status = model::WriteAll(calls, file.get(), text.data(), text.size(), path);
  if (status.ok() && calls.Sync(file.get()) != 0) {
    status = model::SystemError(errno, absl::StrCat("can't sync ", path));
  }
  return status;
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
absl::StatusOr<uint64_t> CheckSnapshot(const std::string& path, const model::SystemCalls& calls) {
  uint64_t bytes = 0;
  for (const model::KernelSet* kernels : model::AvailableKernelSets(model::Precision::kF32)) {
    absl::StatusOr<std::unique_ptr<const model::MappedSnapshot>> mapped =
        model::MappedSnapshot::Open(path, calls);
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

}  // namespace

absl::StatusOr<Published> Publish(const std::string& root, const std::string& name,
                                  const model::Snapshot& snapshot, const ManifestMaker& manifest,
                                  std::optional<int64_t> parent_version, const model::SystemCalls& calls) {
  absl::Status status = model::CheckModelName(name);
  if (!status.ok()) return status;
  const std::string directory = root + "/" + name;
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) {
    return absl::Status(model::SystemError(error.value(), "").code(),
                        absl::StrCat("can't create ", directory, " (", error.message(),
                                     "): give a --model-root you can write to"));
  }
  RemoveStalePublishing(directory);
  absl::StatusOr<std::unique_ptr<PublishingDirectory>> temporary =
      PublishingDirectory::Make(directory, calls);
  if (!temporary.ok()) return temporary.status();
  const std::string& path = (*temporary)->path();

  const std::string snapshot_path = absl::StrCat(path, "/", std::string(model::kSnapshotFile));
  if (!parent_version.has_value()) {
    const absl::StatusOr<std::vector<int64_t>> versions = model::ListVersions(root, name);
    if (!versions.ok()) return versions.status();
    parent_version = versions->empty() ? 0 : versions->front();
  }
  model::Snapshot written = snapshot;  // of views: the tables are not copied
  written.provenance.parent_version = *parent_version;
  status = model::WriteSnapshot(written, snapshot_path, calls);
  if (!status.ok()) return status;
  const absl::StatusOr<uint64_t> bytes = CheckSnapshot(snapshot_path, calls);
  if (!bytes.ok()) return bytes.status();

  while (true) {
    const absl::StatusOr<int64_t> version = NextVersion(directory);
    if (!version.ok()) return version.status();
    status = WriteFile(calls, absl::StrCat(path, "/", std::string(model::kManifestFile)),
                       manifest(*version, written.provenance));
    if (status.ok()) status = SyncDirectory(calls, path);
    if (!status.ok()) return status;
    const std::string target = model::VersionDirectory(root, name, *version);
    if (calls.RenameToNew(path, target) == 0) {
      (*temporary)->Keep();
      // It is published by now; the syncs make it stay so through a power cut.
      status = SyncDirectory(calls, directory);
      if (status.ok()) status = SyncDirectory(calls, root);
      if (!status.ok()) {
        return absl::Status(status.code(), absl::StrCat("version ", *version,
                                                        " is published, but a power cut now "
                                                        "may take it back: ",
                                                        status.message()));
      }
      return Published{*version, *parent_version, target, *bytes};
    }
    if (errno != EEXIST && errno != ENOTEMPTY) {
      return model::SystemError(errno, absl::StrCat("can't rename the new version to ", target));
    }
  }
}

}  // namespace adscore::trainer

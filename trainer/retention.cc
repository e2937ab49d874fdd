#include "trainer/retention.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/model_root.h"

namespace adscore::trainer {
namespace {

namespace fs = std::filesystem;

constexpr char kRemovingPrefix[] = ".removing-";
constexpr int kTries = 1000;

// All under a hidden name for removal: nobody reads there any more. Two that remove the same do no harm.
absl::Status FinishRemovals(const std::string& directory) {
  absl::Status status;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    if (!it->path().filename().string().starts_with(kRemovingPrefix)) continue;
    std::error_code failed;
    fs::remove_all(it->path(), failed);
    if (failed && failed != std::errc::no_such_file_or_directory) {
      status.Update(model::SystemError(failed.value(), absl::StrCat("can't remove ", it->path().string())));
    }
  }
  if (error) status.Update(model::SystemError(error.value(), absl::StrCat("can't list ", directory)));
  return status;
}

// The version is gone from one moment to the next. NotFound if somebody else has removed it.
absl::Status Hide(const std::string& directory, int64_t version, const model::SystemCalls& calls) {
  const std::string path = absl::StrCat(directory, "/", version);
  for (int i = 0; i < kTries; ++i) {
    const std::string hidden = absl::StrCat(directory, "/", kRemovingPrefix, version, "-", getpid(), "-", i);
    if (calls.RenameToNew(path, hidden) == 0) return absl::OkStatus();
    if (errno != EEXIST && errno != ENOTEMPTY) break;  // a name that an earlier process of this number left
  }
  return model::SystemError(errno, absl::StrCat("can't remove ", path));
}

}  // namespace

absl::StatusOr<std::vector<int64_t>> RemoveOldVersions(const std::string& root, const std::string& name,
                                                       size_t keep,
                                                       const std::set<int64_t>& protected_versions,
                                                       const model::SystemCalls& calls) {
  const absl::StatusOr<std::vector<int64_t>> versions = model::ListVersions(root, name);
  if (!versions.ok()) return versions.status();
  const std::string directory = absl::StrCat(root, "/", name);
  absl::Status status;
  std::vector<int64_t> removed;
  for (size_t i = std::max<size_t>(keep, 1); i < versions->size(); ++i) {
    const int64_t version = (*versions)[i];
    if (protected_versions.contains(version)) continue;
    const absl::Status hidden = Hide(directory, version, calls);
    if (hidden.ok()) {
      removed.push_back(version);
    } else if (!absl::IsNotFound(hidden)) {
      status.Update(hidden);
    }
  }
  status.Update(FinishRemovals(directory));
  if (!status.ok()) return status;
  return removed;
}

}  // namespace adscore::trainer

#include "trainer/commands/snapshot_choice.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/model_root.h"

namespace adscore::trainer {

absl::StatusOr<int64_t> FindVersion(const std::string& model_root, const std::string& model, int64_t version,
                                    const std::string& flag) {
  const absl::StatusOr<std::vector<int64_t>> versions = model::ListVersions(model_root, model);
  if (!versions.ok()) return versions.status();
  if (versions->empty()) {
    return absl::NotFoundError(absl::StrCat("model '", model, "' has no version under ", model_root,
                                            ": `adscore-trainer fit` publishes one"));
  }
  if (version == 0) return versions->front();
  if (std::find(versions->begin(), versions->end(), version) == versions->end()) {
    return absl::NotFoundError(absl::StrCat("model '", model, "' has no ", flag, " ", version, " under ",
                                            model_root, "; there are ", absl::StrJoin(*versions, ", ")));
  }
  return version;
}

absl::StatusOr<std::unique_ptr<const model::Model>> OpenModel(const std::string& directory) {
  absl::StatusOr<std::unique_ptr<const model::MappedSnapshot>> mapped =
      model::MappedSnapshot::Open(absl::StrCat(directory, "/", std::string(model::kSnapshotFile)));
  if (!mapped.ok()) return mapped.status();
  return std::make_unique<const model::Model>(*std::move(mapped),
                                              *model::AvailableKernelSets(model::Precision::kF32).front());
}

absl::StatusOr<std::string> ChosenDirectory(const std::string& model_root, const std::string& model,
                                            const std::string& choice, const std::string& flag) {
  if (const std::optional<int64_t> version = model::ParseVersion(choice)) {
    const absl::StatusOr<int64_t> found = FindVersion(model_root, model, *version, flag);
    if (!found.ok()) return found.status();
    return model::VersionDirectory(model_root, model, *found);
  }
  std::error_code not_there;
  if (std::filesystem::is_directory(choice, not_there)) return choice;
  return absl::NotFoundError(absl::StrCat(flag, " ", choice,
                                          " is neither a version of the model nor a directory: give a number "
                                          "such as 3, or the directory of a version, such as ROOT/NAME/3"));
}

}  // namespace adscore::trainer

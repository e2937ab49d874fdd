// The model root: ROOT/NAME/VERSION/ with `snapshot` and `manifest.json` in each version. The trainer
// publishes into it and the server watches it; this is where both agree on what is there.
//
// Thread-safe: functions over the file system. A version appears by one rename and is never changed
// afterwards.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace adscore::model {

inline constexpr std::string_view kSnapshotFile = "snapshot";
inline constexpr std::string_view kManifestFile = "manifest.json";

// A model's name: 1 to 128 of A-Z a-z 0-9 _ - . and not starting with a dot. InvalidArgument otherwise.
absl::Status CheckModelName(std::string_view name);

// A directory's name as a version: a positive decimal integer without leading zeros that fits int64, or
// nothing.
std::optional<int64_t> ParseVersion(std::string_view directory);

std::string VersionDirectory(std::string_view root, std::string_view name, int64_t version);

// Names of the models under `root`, sorted: every directory with a valid name. An error if `root` can't be
// read.
absl::StatusOr<std::vector<std::string>> ListModels(const std::string& root);

// Complete versions of a model (directories that hold a snapshot file), highest first. Empty if there are
// none; NotFound if the model has no directory.
absl::StatusOr<std::vector<int64_t>> ListVersions(const std::string& root, std::string_view name);

}  // namespace adscore::model

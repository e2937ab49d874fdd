// Publishes a snapshot into a model root: whole, checked and for good, or not at all.
//
// Thread-safe, also against other processes that publish the same model: each gets a version of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "model/snapshot.h"
#include "model/system_calls.h"

namespace adscore::trainer {

// Largest difference to the golden rows that a kernel may make and still be trusted: far above what the order
// of float sums explains, far below what a bid notices.
inline constexpr float kGoldenTolerance = 1e-5F;

struct Published {
  int64_t version = 0;
  int64_t parent_version = 0;  // 0: none
  std::string directory;       // ROOT/NAME/VERSION
  uint64_t snapshot_bytes = 0;
};

// Writes `snapshot` and the manifest into a hidden directory beside the versions, reads the snapshot back,
// replays its golden rows with every kernel set of this machine, syncs, and renames the directory to the next
// version: one more than the highest that is there, whether complete or not. An existing version is never
// touched. Makes `root` and the model's directory if need be. On failure nothing is left behind but those; if
// the syncs behind the rename fail, the version stays and the status says so. A publish that is killed leaves
// at most its hidden directory, which the next one removes (see publishing_directory.h).
//
// The snapshot in the file says which version it follows: `parent_version`, or without one the highest
// complete version that is there when it is written, or 0. Its fields beyond that are written as they come.
//
// `manifest` is given the version that it is for and the provenance as it was written; it is called again if
// another process took that version.
using ManifestMaker = std::function<std::string(int64_t version, const model::Provenance& provenance)>;
absl::StatusOr<Published> Publish(const std::string& root, const std::string& name,
                                  const model::Snapshot& snapshot, const ManifestMaker& manifest,
                                  std::optional<int64_t> parent_version = std::nullopt,
                                  const model::SystemCalls& calls = model::SystemCalls::Default());

}  // namespace adscore::trainer

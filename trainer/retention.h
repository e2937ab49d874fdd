// Removes old versions of a model from the model root, while servers may have them mapped: a mapping lives on
// without its file, and a version vanishes by one rename, so that nobody finds a part of it.
//
// Thread-safe, also against other processes that publish, load or remove the same versions.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/system_calls.h"

namespace adscore::trainer {

// Removes all complete versions of ROOT/NAME but the `keep` newest (at least 1) and `protected_versions`, and
// returns them, highest first. Each is renamed to a hidden name beside the versions and then removed; what an
// earlier call that was interrupted left under such a name goes too. Directories without a snapshot are
// somebody's work and stay. An error says which version could not be removed; the others have been tried.
absl::StatusOr<std::vector<int64_t>> RemoveOldVersions(
    const std::string& root, const std::string& name, size_t keep,
    const std::set<int64_t>& protected_versions,
    const model::SystemCalls& calls = model::SystemCalls::Default());

}  // namespace adscore::trainer

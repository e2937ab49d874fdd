// Which published snapshot a command is about, opened as a server would open it.
//
// Thread-safe: functions over the file system.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "model/model.h"

namespace adscore::trainer {

// `version`, or the highest complete one if it is 0. NotFound with the versions that there are; `flag` is
// what named it: "--version".
absl::StatusOr<int64_t> FindVersion(const std::string& model_root, const std::string& model, int64_t version,
                                    const std::string& flag);

// The snapshot in a version's directory, on the best kernels of this machine.
absl::StatusOr<std::unique_ptr<const model::Model>> OpenModel(const std::string& directory);

// The directory that `choice` names: a version of the model, or a directory as it is.
absl::StatusOr<std::string> ChosenDirectory(const std::string& model_root, const std::string& model,
                                            const std::string& choice, const std::string& flag);

}  // namespace adscore::trainer

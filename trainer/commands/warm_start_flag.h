// --warm-start: which snapshot a fit goes on from, and what that fixes.
//
// Not thread-safe: used by the command that fits.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "model/snapshot.h"
#include "trainer/commands/training_flags.h"
#include "trainer/warm_start.h"

namespace adscore::trainer {

// Adds the flag. Those that say something about the schema are refused beside it, and must be there already.
void AddWarmStartFlag(CLI::App* command, std::string* choice);

// A snapshot to go on from.
struct ChosenStart {
  int64_t version = 0;
  std::unique_ptr<const model::MappedSnapshot> mapped;
  std::optional<WarmStart> start;
};

// Opens the one that `choice`, latest or a version, names, and takes over what is fixed by it into `options`:
// labels must be the same, and flags that ask for another architecture are refused by name.
absl::StatusOr<std::unique_ptr<const ChosenStart>> OpenWarmStart(const std::string& choice,
                                                                 const std::string& model_root,
                                                                 const std::string& model,
                                                                 const TrainingFlags& flags,
                                                                 FitOptions* options);

}  // namespace adscore::trainer

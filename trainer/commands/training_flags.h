// The flags that say how a model is trained: what `fit` takes, and what `tune` starts from.
//
// Not thread-safe: used while a command line is parsed.
#pragma once

#include <string>

#include "CLI/CLI.hpp"
#include "trainer/fit.h"

namespace adscore::trainer {

struct TrainingFlags {
  std::string hidden = "128,64";
  std::string optimizer = "adam";
  std::string calibration = "auto";
  std::string positive_weight = "1";
  std::string after = "none";
  FitOptions options;  // where numbers are parsed into
  const CLI::App* command = nullptr;

  // The options as the flags have them, once they are parsed. Labels and split are the caller's.
  FitOptions Options() const;
  // What is better for a log of so many rows than the defaults, where the flags don't say it.
  void SuitTo(const Dataset& log, FitOptions* suited) const;
  // Whether the flag was given, and is not just at its default.
  bool Given(const std::string& flag) const { return command->count(flag) > 0; }
};

// Adds the flags to `command`, with the defaults that `flags` has; it must live as long as the command.
void AddTrainingFlags(CLI::App* command, TrainingFlags* flags);

// "20" for all heads, or "click=5,conversion=20".
absl::StatusOr<std::vector<PositiveWeight>> ParsePositiveWeights(std::string_view text);

// "128,64" or "none".
absl::StatusOr<std::vector<size_t>> ParseHidden(std::string_view text);

}  // namespace adscore::trainer

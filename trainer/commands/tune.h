// `adscore-trainer tune`: looks for better training options, and publishes the model that the best ones give.
//
// Not thread-safe: called once while the command line is set up.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace adscore::trainer {

// Adds the command to `app`; `run` becomes its work once it is parsed.
void AddTuneCommand(CLI::App& app, std::function<absl::Status()>& run);

// "90", "90s", "10m" or "2h", from a second to some months; InvalidArgument for anything else.
absl::StatusOr<std::chrono::duration<double>> ParseBudget(std::string_view flag);

}  // namespace adscore::trainer

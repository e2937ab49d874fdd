// `adscore-trainer tune`: looks for better training options, and publishes the model that the best ones give.
//
// Not thread-safe: called once while the command line is set up.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "absl/status/status.h"

namespace adscore::trainer {

// Adds the command to `app`; `run` becomes its work once it is parsed.
void AddTuneCommand(CLI::App& app, std::function<absl::Status()>& run);

}  // namespace adscore::trainer

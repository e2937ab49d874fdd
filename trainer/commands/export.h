// adscore-trainer export: a published snapshot becomes an ONNX file.
//
// Not thread-safe: the command line belongs to one thread, and the command prints.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "absl/status/status.h"

namespace adscore::trainer {

// Adds the subcommand to `app`; `run` is set to do its work if it was the one chosen.
void AddExportCommand(CLI::App& app, std::function<absl::Status()>& run);

}  // namespace adscore::trainer

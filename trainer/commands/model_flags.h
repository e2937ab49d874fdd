// The flags that name a model, of all commands that publish or open one.
//
// Not thread-safe: what is filled in must live as long as `command`, and is constant once it has been parsed.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

namespace adscore::trainer {

// --model-root and --model, for a command that publishes a version.
void AddNewVersionFlags(CLI::App* command, std::string* model_root, std::string* model);

// --model-root, --model and --version (0: the highest), for a command that opens one.
void AddVersionFlags(CLI::App* command, std::string* model_root, std::string* model, int64_t* version);

}  // namespace adscore::trainer

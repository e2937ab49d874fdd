// `adscore-client model`: what a server holds, for people and scripts.
//
// Not thread-safe.
#pragma once

#include <ostream>

#include "absl/status/status.h"
#include "client/connection_flags.h"

namespace adscore::client {

struct ModelOptions {
  ConnectionOptions connection;
  bool json = false;
};

void AddModelFlags(CLI::App* command, ModelOptions* options);

// Writes the models, or the one asked for, to `out`: versions, refused versions with the reasons, features,
// heads.
absl::Status RunModel(const ModelOptions& options, std::ostream& out);

}  // namespace adscore::client

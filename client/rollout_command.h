// `adscore-client pin`, `unpin`, `rollback`, `canary` and `shadow`: which version answers, as an operator
// decides.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "client/connection_flags.h"

namespace adscore::client {

enum class Decision { kPin, kUnpin, kRollBack, kCanary, kShadow };

struct RolloutOptions {
  Decision decision = Decision::kPin;
  ConnectionOptions connection{};
  int64_t version = 0;  // of kPin, kCanary and kShadow; 0: none of the latter two any more
  double share = 0;     // of kCanary
  bool json = false;
};

// Adds the subcommand for `decision`.
CLI::App* AddRolloutCommand(CLI::App* app, Decision decision, RolloutOptions* options);

// Tells the server, and writes to `out` how the model is then.
absl::Status RunRollout(const RolloutOptions& options, std::ostream& out);

}  // namespace adscore::client

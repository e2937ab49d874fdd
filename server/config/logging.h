// The server's log: one line per event on standard error, as text or as a JSON object.
//
// Thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace adscore::server {

struct LogSettings {
  std::string format = "text";  // or "json"
  std::string level = "info";   // and above: debug, info, warn, error
};

// Makes it the process's log. In both formats an event stays one line, whatever a message contains.
// `settings` must hold what the flags allow.
void SetUpLog(const LogSettings& settings);

// From now on. `level`: as in LogSettings.
void SetLogLevel(const std::string& level);

}  // namespace adscore::server

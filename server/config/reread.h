// What a running server takes over of settings that are read anew (SIGHUP).
//
// Not thread-safe: for the thread that awaits signals.
#pragma once

#include <string>

#include "server/config/settings.h"
#include "server/server.h"

namespace adscore::server {

// Whether a running server can take over another value of this flag (see docs/operations.md).
bool CanChangeWhileRunning(const std::string& flag);

// Takes over what can change of `read` in `*server`, which runs with `*settings`, and notes it there. Logs
// each change with both values, what needs a restart, and whether the certificates that lie there now hold.
// If anything in `read` can't be, that is logged and nothing changes.
void TakeOver(const ReadSettings& read, Settings* settings, Server* server);

}  // namespace adscore::server

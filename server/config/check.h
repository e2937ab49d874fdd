// --check: whether a server with these settings would come up with all its models, found out without
// listening.
//
// Thread-safe.
#pragma once

#include <ostream>

#include "server/config/settings.h"

namespace adscore::server {

// Looks at everything that `settings` names, and proves the newest version of each model as a server does
// (checksums, golden rows). Writes a line per thing, "ok: …" or "FAILED: …". False if any failed.
bool Check(const Settings& settings, std::ostream& out);

}  // namespace adscore::server

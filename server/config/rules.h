// What settings must not be together, and which addresses may go without encryption.
//
// Thread-safe: pure functions.
#pragma once

#include <string>
#include <vector>

#include "server/config/settings.h"

namespace adscore::server {

// Whether only this machine can reach the address: 127.0.0.0/8, [::1] or localhost.
bool IsLoopback(const Address& address);

// One line for each thing that can't be, with the way out.
std::vector<std::string> FindContradictions(const Settings& settings);

}  // namespace adscore::server

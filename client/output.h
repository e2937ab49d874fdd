// What the commands print: what is said in one line stays one, and what is lost does not go unnoticed.
//
// Thread-safe: pure functions, but for the stream.
#pragma once

#include <ostream>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace adscore::client {

// `text` with its control characters (line ends, tabs, terminal sequences) as \n, \t or \x1b.
std::string OneLine(std::string_view text);

// Hands everything to the system. DataLoss if any of it could not be written: the disk is full, say.
absl::Status Flush(std::ostream& out);

}  // namespace adscore::client

// How a program ends and what it prints: what is said in one line stays one, and what is lost does not go
// unnoticed.
//
// Thread-safe: functions without state, but for the streams.
#pragma once

#include <ostream>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace adscore::cli {

// Exit codes of every program.
inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kBadUsage = 2;
inline constexpr int kInterrupted = 130;  // Ctrl-C, as a shell has it

// `text` with its control characters (line ends, tabs, terminal sequences) as \n, \t or \x1b.
std::string OneLine(std::string_view text);

// Says "PROGRAM: MESSAGE" in one line on standard error. Returns `code`.
int Fail(std::string_view program, std::string_view message, int code);

// Hands everything to the system. DataLoss if any of it could not be written: the disk is full, say.
absl::Status Flush(std::ostream& out);

}  // namespace adscore::cli

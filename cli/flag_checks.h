// Checks of the text of a flag, for CLI11's check(): each returns what is wrong, or nothing. They are
// stricter than CLI11's own, which read -1 as a huge positive number and 010 as eight, let NaN pass every
// range, and print limits with hundreds of digits.
//
// Thread-safe: pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace adscore::cli {

using FlagCheck = std::function<std::string(const std::string& text)>;

// `text` as a message quotes it: its first characters, if it is long.
std::string Quoted(std::string_view text);

// Decimal digits, without sign or leading zeros, in [least, most]. UINT64_MAX: as large as it likes.
FlagCheck WholeNumber(uint64_t least, uint64_t most);

// A number in [least, most], and so a finite one.
FlagCheck Number(double least, double most);

// Wrong is what the function refuses; the message is that of its status.
template <typename Text>
FlagCheck CheckedBy(absl::Status (*check)(Text)) {
  return [check](const std::string& text) { return std::string(check(text).message()); };
}
template <typename T, typename Text>
FlagCheck CheckedBy(absl::StatusOr<T> (*parse)(Text)) {
  return [parse](const std::string& text) { return std::string(parse(text).status().message()); };
}

}  // namespace adscore::cli

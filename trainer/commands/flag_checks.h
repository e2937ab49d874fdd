// Checks of the text of a flag, for CLI11's check(): each returns what is wrong, or nothing. They are
// stricter than CLI11's own, which reads -1 as a huge positive number, 010 as eight, and lets NaN pass every
// range.
//
// Thread-safe: pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace adscore::trainer {

using FlagCheck = std::function<std::string(const std::string& text)>;

inline constexpr uint64_t kLargestSeed = std::numeric_limits<uint64_t>::max();

// `text` as a message quotes it: its first characters, if it is long.
std::string Quoted(std::string_view text);

// Decimal digits, without sign or leading zeros, in [least, most].
FlagCheck WholeNumber(uint64_t least, uint64_t most);

// A finite number in [least, most].
FlagCheck Number(double least, double most);

// Wrong is what the function refuses; the message is that of its status.
FlagCheck CheckedBy(absl::Status (*check)(std::string_view));
template <typename T>
FlagCheck CheckedBy(absl::StatusOr<T> (*parse)(std::string_view)) {
  return [parse](const std::string& text) { return std::string(parse(text).status().message()); };
}

}  // namespace adscore::trainer

// Checks of the text of a flag, for CLI11's check(): each returns what is wrong, or nothing. Stricter than
// CLI11's own, which let NaN pass every range and print limits with hundreds of digits.
//
// Thread-safe: pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace adscore::client {

using FlagCheck = std::function<std::string(const std::string& text)>;

// Decimal digits, without sign or leading zeros, in [least, most].
FlagCheck WholeNumber(uint64_t least, uint64_t most);

// A number in [least, most], and so a finite one.
FlagCheck Number(double least, double most);

// See CheckTarget.
FlagCheck Target();

// A model's name as the contract has it (PredictRequest.model): no server can have another.
FlagCheck ModelName();

}  // namespace adscore::client

#include "client/flag_checks.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/errors.h"

namespace adscore::client {
namespace {

// Its first characters, if it is long.
std::string Quoted(std::string_view text) {
  constexpr size_t kShown = 40;
  return absl::StrCat("'", std::string(text.substr(0, kShown)), text.size() > kShown ? "…'" : "'");
}

}  // namespace

FlagCheck WholeNumber(uint64_t least, uint64_t most) {
  return [least, most](const std::string& text) {
    uint64_t number = 0;
    const bool digits = std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
    const bool padded = text.size() > 1 && text[0] == '0';  // CLI11 would read it as octal
    if (digits && !padded && absl::SimpleAtoi(text, &number) && number >= least && number <= most) {
      return std::string();
    }
    const std::string range =
        most == UINT64_MAX ? absl::StrCat("of at least ", least) : absl::StrCat("from ", least, " to ", most);
    return absl::StrCat(Quoted(text), " is not a whole number ", range);
  };
}

FlagCheck Number(double least, double most) {
  return [least, most](const std::string& text) {
    double number = 0;
    // NaN fails both comparisons.
    if (absl::SimpleAtod(text, &number) && number >= least && number <= most) return std::string();
    return absl::StrCat(Quoted(text), " is not a number from ", least, " to ", most);
  };
}

FlagCheck Target() {
  return [](const std::string& text) { return std::string(CheckTarget(text).message()); };
}

FlagCheck ModelName() {
  return [](const std::string& text) {
    const auto allowed = [](char c) {
      return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.';
    };
    if (!text.empty() && text.size() <= 128 && text[0] != '.' &&
        std::all_of(text.begin(), text.end(), allowed)) {
      return std::string();
    }
    return absl::StrCat(Quoted(text),
                        " is no model name: 1 to 128 letters, digits, '_', '-' or '.', and not a '.' first");
  };
}

}  // namespace adscore::client

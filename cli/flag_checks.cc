#include "cli/flag_checks.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace adscore::cli {

std::string Quoted(std::string_view text) {
  constexpr size_t kShown = 40;
  return absl::StrCat("'", std::string(text.substr(0, kShown)), text.size() > kShown ? "…'" : "'");
}

FlagCheck WholeNumber(uint64_t least, uint64_t most) {
  return [least, most](const std::string& text) {
    uint64_t number = 0;
    const bool digits = text.find_first_not_of("0123456789") == std::string::npos;
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

}  // namespace adscore::cli

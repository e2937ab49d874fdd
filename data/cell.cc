#include "data/cell.h"

#define XXH_INLINE_ALL  // tokens are short: a call costs more than the hash
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <system_error>

#include "absl/strings/ascii.h"

namespace adscore::data {
namespace {

bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return absl::ascii_tolower(static_cast<unsigned char>(a)) == b; });
}

template <typename Real>
std::errc Parse(std::string_view text, Real* value) {
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, *value);
  if (error == std::errc() && stopped != end) return std::errc::invalid_argument;
  return error;
}

// Most numbers of a log: up to seven digits, perhaps a sign, perhaps a point, and nothing else. Digits and
// power of ten are then floats without an error, so that their quotient is the float next to the number,
// which is what from_chars finds, more slowly.
bool ParseShort(std::string_view text, float* value) {
  constexpr size_t kMostDigits = 7;
  constexpr float kPowersOfTen[kMostDigits + 1] = {1e0F, 1e1F, 1e2F, 1e3F, 1e4F, 1e5F, 1e6F, 1e7F};
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty() || text.size() > kMostDigits + 1) return false;
  uint32_t digits = 0;
  size_t count = 0;
  size_t point = text.size();  // where it is
  for (size_t i = 0; i < text.size(); ++i) {
    const auto digit = static_cast<uint32_t>(static_cast<unsigned char>(text[i]) - unsigned{'0'});
    if (digit <= 9) {
      digits = 10 * digits + digit;
      ++count;
    } else if (text[i] == '.' && point == text.size()) {
      point = i;
    } else {
      return false;
    }
  }
  if (count == 0 || count > kMostDigits) return false;
  const float size =
      static_cast<float>(digits) / kPowersOfTen[point == text.size() ? 0 : text.size() - 1 - point];
  *value = negative ? -size : size;
  return true;
}

}  // namespace

std::string_view Trim(std::string_view cell) {
  while (!cell.empty() && (cell.front() == ' ' || cell.front() == '\t')) cell.remove_prefix(1);
  while (!cell.empty() && (cell.back() == ' ' || cell.back() == '\t')) cell.remove_suffix(1);
  return cell;
}

bool IsMissingNumber(std::string_view cell) {
  const std::string_view text = Trim(cell);
  switch (text.size()) {
    case 0:
      return true;
    case 1:
      return text == "?";
    case 2:
      return EqualsIgnoringCase(text, "na") || EqualsIgnoringCase(text, "\\n");
    case 3:
      return EqualsIgnoringCase(text, "nan") || EqualsIgnoringCase(text, "n/a");
    case 4:
      return EqualsIgnoringCase(text, "null") || EqualsIgnoringCase(text, "none");
    default:
      return false;
  }
}

std::optional<float> ParseNumber(std::string_view cell) {
  std::string_view text = Trim(cell);
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  if (text.empty()) return std::nullopt;
  float value = 0;
  if (ParseShort(text, &value)) return value;
  std::errc error = Parse(text, &value);
  if (error == std::errc::result_out_of_range) {
    // Also what a number too near to 0 for a float is reported as; a double still tells the two apart.
    double wide = 0;
    error = Parse(text, &wide);
    value = static_cast<float>(wide);
  }
  if (error != std::errc() || !std::isfinite(value)) return std::nullopt;
  return value;
}

uint64_t TokenHash(std::string_view token) {
  if (token.empty()) return kMissingToken;
  const uint64_t hash = XXH3_64bits(token.data(), token.size());
  return hash == kMissingToken ? 1 : hash;
}

void AppendTokenHashes(std::string_view cell, char delimiter, std::vector<uint64_t>* hashes) {
  while (!cell.empty()) {
    const size_t length = std::min(cell.find(delimiter), cell.size());
    if (length > 0) hashes->push_back(TokenHash(cell.substr(0, length)));
    cell.remove_prefix(std::min(length + 1, cell.size()));
  }
}

}  // namespace adscore::data

#include "data/cell.h"

#define XXH_INLINE_ALL  // tokens are short: a call costs more than the hash
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
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

constexpr uint64_t kEachByte = 0x0101010101010101;

// A word with the top bit of each byte set that is `byte` in `word`, and no other bit.
uint64_t BytesEqual(uint64_t word, unsigned char byte) {
  constexpr uint64_t kLowBits = 0x7f * kEachByte;
  const uint64_t x = word ^ byte * kEachByte;
  return ~(((x & kLowBits) + kLowBits) | x | kLowBits);
}

// The bytes of `text`, 1 to 8 of them, the first one lowest; zeros above them.
uint64_t LoadShort(std::string_view text) {
  static_assert(std::endian::native == std::endian::little, "the first byte must be the lowest");
  // The first and the last bytes of half a word each, which overlap where there are fewer.
  const auto join = [text](auto low) {
    auto high = low;
    const size_t beyond = text.size() - sizeof(low);
    std::memcpy(&low, text.data(), sizeof(low));
    std::memcpy(&high, text.data() + beyond, sizeof(high));
    return low | uint64_t{high} << 8 * beyond;
  };
  if (text.size() >= sizeof(uint32_t)) return join(uint32_t{});
  if (text.size() >= sizeof(uint16_t)) return join(uint16_t{});
  return static_cast<unsigned char>(text[0]);
}

// Most numbers of a log: up to seven digits, perhaps a sign, perhaps a point, and nothing else. Digits and
// power of ten are then floats without an error, so that their quotient is the float next to the number,
// which is what from_chars finds, more slowly. All digits at once, since how many there are can't be
// foreseen: a loop over them would cost a mispredicted branch for most numbers.
bool ParseShort(std::string_view text, float* value) {
  constexpr size_t kMostDigits = 7;
  static constexpr float kPowersOfTen[kMostDigits + 1] = {1e0F, 1e1F, 1e2F, 1e3F, 1e4F, 1e5F, 1e6F, 1e7F};
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty() || text.size() > kMostDigits + 1) return false;
  uint64_t word = LoadShort(text);
  size_t count = text.size();
  size_t decimals = 0;
  if (const uint64_t points = BytesEqual(word, '.'); points != 0) {
    const size_t point = static_cast<size_t>(std::countr_zero(points)) / 8;
    const uint64_t before = (uint64_t{1} << 8 * point) - 1;
    word = (word & before) | ((word >> 8) & ~before);
    --count;
    decimals = count - point;
  }
  if (count == 0 || count > kMostDigits) return false;
  // To the top of the word, where the last digit belongs; zeros come before the first one.
  const size_t unused = 8 * (sizeof(word) - count);
  word = (word << unused) ^ (kEachByte * '0' << unused);
  if (((word | (word + kEachByte * (0x7f - 9))) & kEachByte * 0x80) != 0) return false;  // a byte is above 9
  // Neighbours together, the lower one the more significant: digits to pairs, pairs to fours, fours to all.
  word = (word * (10 << 8 | 1)) >> 8 & 0x00ff00ff00ff00ff;
  word = (word * (100 << 16 | 1)) >> 16 & 0x0000ffff0000ffff;
  word = (word * (uint64_t{10'000} << 32 | 1)) >> 32;
  float size = static_cast<float>(static_cast<uint32_t>(word));
  if (decimals > 0) size /= kPowersOfTen[decimals];
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

float NumberOrNan(std::string_view cell) {
  constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
  float value = 0;
  if (ParseShort(cell, &value)) return value;
  std::string_view text = Trim(cell);
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return kNone;
  }
  if (text.empty()) return kNone;
  if (text.size() < cell.size() && ParseShort(text, &value)) return value;
  std::errc error = Parse(text, &value);
  if (error == std::errc::result_out_of_range) {
    // Also what a number too near to 0 for a float is reported as; a double still tells the two apart.
    double wide = 0;
    error = Parse(text, &wide);
    value = static_cast<float>(wide);
  }
  if (error != std::errc() || !std::isfinite(value)) return kNone;
  return value;
}

std::optional<float> ParseNumber(std::string_view cell) {
  const float value = NumberOrNan(cell);
  return std::isnan(value) ? std::nullopt : std::optional<float>(value);
}

[[gnu::flatten]] uint64_t TokenHash(std::string_view token) {
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

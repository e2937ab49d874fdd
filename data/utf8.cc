#include "data/utf8.h"

#include <cstddef>

namespace adscore::data {
namespace {

// Bytes of the character that starts with `lead`, and what its second byte may be; 0 bytes for no such lead.
struct Character {
  size_t bytes = 0;
  unsigned char second_least = 0x80;
  unsigned char second_most = 0xBF;
};

Character CharacterOf(unsigned char lead) {
  if (lead < 0x80) return {.bytes = 1};
  if (lead < 0xC2) return {};  // a continuation byte, or an ASCII character in two bytes
  if (lead < 0xE0) return {.bytes = 2};
  if (lead == 0xE0) return {.bytes = 3, .second_least = 0xA0};  // below: two bytes would do
  if (lead == 0xED) return {.bytes = 3, .second_most = 0x9F};   // above: surrogates
  if (lead < 0xF0) return {.bytes = 3};
  if (lead == 0xF0) return {.bytes = 4, .second_least = 0x90};  // below: three bytes would do
  if (lead < 0xF4) return {.bytes = 4};
  if (lead == 0xF4) return {.bytes = 4, .second_most = 0x8F};  // above: beyond U+10FFFF
  return {};
}

}  // namespace

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const Character character = CharacterOf(static_cast<unsigned char>(text[0]));
    if (character.bytes == 0 || text.size() < character.bytes) return false;
    for (size_t i = 1; i < character.bytes; ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      const unsigned char least = i == 1 ? character.second_least : 0x80;
      const unsigned char most = i == 1 ? character.second_most : 0xBF;
      if (byte < least || byte > most) return false;
    }
    text.remove_prefix(character.bytes);
  }
  return true;
}

}  // namespace adscore::data

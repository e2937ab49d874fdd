#include "data/record.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

namespace adscore::data {
namespace {

// The position of `byte` in [from, to), or `to`.
const char* Find(const char* from, const char* to, char byte) {
  const void* found = std::memchr(from, byte, static_cast<size_t>(to - from));
  return found == nullptr ? to : static_cast<const char*>(found);
}

// Past the closing quote of the quoted cell whose text starts at `at`, or nullptr if it is never closed
// before `end`.
const char* SkipQuoted(const char* at, const char* end) {
  while (true) {
    const char* quote = Find(at, end, '"');
    if (quote == end) return nullptr;
    if (quote + 1 == end || quote[1] != '"') return quote + 1;
    at = quote + 2;
  }
}

// Most lines hold no quote, and then the first \n ends the record. This is the other case.
RecordExtent FindQuotedRecord(std::string_view text, char delimiter) {
  RecordExtent extent;
  extent.quoted = true;
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const char* at = begin;
  bool cell_start = true;
  while (at != end && *at != '\n') {
    if (cell_start && *at == '"') {
      const char* after = SkipQuoted(at + 1, end);
      extent.open = after == nullptr;
      after = extent.open ? end : after;
      extent.lines += static_cast<size_t>(std::count(at, after, '\n'));
      at = after;
      cell_start = false;
    } else {
      cell_start = *at == delimiter;
      ++at;
    }
  }
  extent.size = static_cast<size_t>(at - begin);
  extent.consumed = extent.size + 1;
  return extent;
}

// Bit i is set where text[i] is `byte`, for `size` bytes of text: 64 at most.
uint64_t PlacesOf(char byte, const char* text, size_t size) {
  static_assert(std::endian::native == std::endian::little, "the first byte must be the lowest");
  using Bytes [[gnu::vector_size(16)]] = uint8_t;
  uint64_t places = 0;
  size_t at = 0;
  for (; at + sizeof(Bytes) <= size; at += sizeof(Bytes)) {
    Bytes bytes;
    std::memcpy(&bytes, text + at, sizeof(bytes));
    const auto equal = bytes == static_cast<uint8_t>(byte);  // all bits of a byte, or none
    uint64_t halves[2];
    std::memcpy(halves, &equal, sizeof(halves));
    for (size_t half = 0; half < 2; ++half) {
      // Of each byte another bit, and then the eight of them side by side.
      const uint64_t bits = (halves[half] & 0x8040201008040201) * 0x0101010101010101 >> 56;
      places |= bits << (at + 8 * half);
    }
  }
  for (; at < size; ++at) places |= uint64_t{text[at] == byte ? 1U : 0U} << at;
  return places;
}

void SplitPlain(const char* begin, const char* end, char delimiter, std::vector<std::string_view>* cells) {
  // Cells of logs are short: a call of memchr for each would cost more than the search, and so would a branch
  // on whether the next few bytes hold a delimiter, which can't be foreseen.
  constexpr size_t kStep = 64;
  const char* cell = begin;
  size_t count = 0;
  for (const char* at = begin; at < end; at += kStep) {
    uint64_t places = PlacesOf(delimiter, at, std::min(kStep, static_cast<size_t>(end - at)));
    const size_t found = static_cast<size_t>(std::popcount(places));
    // Most rows have as many cells as the one before.
    if (cells->size() <= count + found) cells->resize(count + found + 1);
    for (std::string_view* to = cells->data() + count; places != 0; places &= places - 1) {
      const char* const cell_end = at + std::countr_zero(places);
      *to++ = {cell, static_cast<size_t>(cell_end - cell)};
      cell = cell_end + 1;
    }
    count += found;
  }
  cells->resize(count + 1);
  cells->back() = {cell, static_cast<size_t>(end - cell)};
}

void SplitQuoted(char* at, char* end, char delimiter, std::vector<std::string_view>* cells) {
  while (true) {
    char* const cell = at;
    char* out = at;  // unescaped text is never longer than what it stands for
    if (at != end && *at == '"') {
      for (++at; at != end; ++at) {
        if (*at == '"') {
          if (at + 1 == end || at[1] != '"') break;
          ++at;
        }
        *out++ = *at;
      }
      if (at != end) ++at;  // the closing quote
    }
    while (at != end && *at != delimiter) *out++ = *at++;
    cells->emplace_back(cell, static_cast<size_t>(out - cell));
    if (at == end) return;
    ++at;
  }
}

}  // namespace

RecordExtent FindRecord(std::string_view text, Dialect dialect) {
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const char* const line_end = Find(begin, end, '\n');
  RecordExtent extent;
  if (dialect.quotes && Find(begin, line_end, '"') != line_end) {
    extent = FindQuotedRecord(text, dialect.delimiter);
  } else {
    extent.size = static_cast<size_t>(line_end - begin);
    extent.consumed = extent.size + 1;
  }
  if (extent.size > 0 && !extent.open && begin[extent.size - 1] == '\r') --extent.size;
  return extent;
}

void SplitRecord(char* record, const RecordExtent& extent, Dialect dialect,
                 std::vector<std::string_view>* cells) {
  char* const end = record + extent.size;
  if (extent.quoted) {
    cells->clear();
    SplitQuoted(record, end, dialect.delimiter, cells);
  } else {
    SplitPlain(record, end, dialect.delimiter, cells);
  }
}

}  // namespace adscore::data

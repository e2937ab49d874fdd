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

void SplitPlain(const char* at, const char* end, char delimiter, std::vector<std::string_view>* cells) {
  // Eight bytes at a time: cells of logs are short, and a call of memchr for each costs more than the search.
  // A byte of `x` is 0 where the text has the delimiter; the expression below sets the top bit of exactly
  // those bytes.
  static_assert(std::endian::native == std::endian::little, "the first byte must be the lowest");
  constexpr uint64_t kLowBits = 0x7f7f7f7f7f7f7f7f;
  const uint64_t pattern = uint64_t{0x0101010101010101} * static_cast<unsigned char>(delimiter);
  const char* cell = at;
  for (; end - at >= 8; at += 8) {
    uint64_t x = 0;
    std::memcpy(&x, at, sizeof(x));
    x ^= pattern;
    uint64_t hits = ~(((x & kLowBits) + kLowBits) | x | kLowBits);
    for (; hits != 0; hits &= hits - 1) {
      const char* found = at + std::countr_zero(hits) / 8;
      cells->emplace_back(cell, static_cast<size_t>(found - cell));
      cell = found + 1;
    }
  }
  for (; at != end; ++at) {
    if (*at != delimiter) continue;
    cells->emplace_back(cell, static_cast<size_t>(at - cell));
    cell = at + 1;
  }
  cells->emplace_back(cell, static_cast<size_t>(end - cell));
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
  cells->clear();
  char* const end = record + extent.size;
  if (extent.quoted) {
    SplitQuoted(record, end, dialect.delimiter, cells);
  } else {
    SplitPlain(record, end, dialect.delimiter, cells);
  }
}

}  // namespace adscore::data

// The grammar of delimited text: where a record ends, and how it splits into cells.
//
// Quotes as in RFC 4180: a cell that starts with '"' goes on to the next single '"', over delimiters and line
// breaks, and "" inside stands for one quote. More lenient than the RFC in two ways that exports need: text
// after the closing quote belongs to the cell, and a quote within an unquoted cell is an ordinary character.
// Lines end with \n or \r\n.
//
// Thread-safe: pure functions over the caller's memory.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace adscore::data {

struct Dialect {
  char delimiter = ',';
  bool quotes = true;  // false: '"' is an ordinary character everywhere
};

// The first record of a text.
struct RecordExtent {
  size_t size = 0;      // bytes of the record without its line end
  size_t consumed = 0;  // bytes with its line end; more than the text has if it stops before a line end
  size_t lines = 1;     // lines that it spans: more than 1 if a quoted cell holds line breaks
  bool quoted = false;  // has a '"' at all
  bool open = false;    // the text stops within a quoted cell
};

// `text` must not be empty. If the text stops before the record's line end, `consumed` is text.size() + 1.
RecordExtent FindRecord(std::string_view text, Dialect dialect);

// Replaces `cells` by the cells of one record, which is views of `record`: at least one. A record with quotes
// is unescaped in place, so it can be split only once.
void SplitRecord(char* record, const RecordExtent& extent, Dialect dialect,
                 std::vector<std::string_view>* cells);

}  // namespace adscore::data

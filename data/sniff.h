// What the first bytes of a file say about how it is laid out.
//
// Thread-safe: pure functions.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "data/table_reader.h"

namespace adscore::data {

// Columns of a Criteo row without and with its label in front.
inline constexpr size_t kCriteoFeatures = 39;
inline constexpr size_t kCriteoIntegers = 13;
inline constexpr size_t kCriteoColumns = kCriteoFeatures + 1;

// InvalidArgument, saying what it is instead, if `sample` (the start of a file) is not text in an encoding
// that ASCII is a part of.
absl::Status CheckText(std::string_view sample);

// True if `line`, the first one, can be a Criteo row: 39 or 40 tab-separated cells, where the label is 0 or 1
// and the integers are numbers or missing. A header is not one.
bool LooksLikeCriteo(std::string_view line);

// The one of , ; tab | that occurs in the header and splits most of the first lines into as many cells as the
// header. Between equals, the one that makes more cells. A comma if none occurs: the file has one column.
// `whole` says that `sample` is the entire file, so that its last line counts too.
char SniffDelimiter(std::string_view sample, bool whole);

}  // namespace adscore::data

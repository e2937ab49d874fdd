// Small pieces of HTML. Whatever comes from data passes through Escape: a token of a log may hold any bytes.
//
// Thread-safe: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trainer/metrics.h"

namespace adscore::trainer::report {

// Text that shows as it is, in an element or in a quoted attribute: valid UTF-8, without control characters.
std::string Escape(std::string_view text);

// `label`, with an explanation that appears when one points at it, or reaches it with the keyboard. Both are
// text, escaped here.
std::string Explained(const std::string& label, const std::string& explanation);

// A table; the cells are HTML already. The first column is text, the others are numbers. It scrolls by itself
// where the screen is narrow.
struct Table {
  std::vector<std::string> titles;
  std::vector<std::vector<std::string>> rows;
};
std::string ToHtml(const Table& table);

// A number, and its interval in small print below.
std::string Number(const std::optional<double>& value, const std::optional<Interval>& interval);

// 0.1234 as "12.34%", with as many decimals as a small share needs.
std::string Percent(double share);

// 1234567 as "1,234,567".
std::string Count(uint64_t count);

}  // namespace adscore::trainer::report

#include "trainer/report/html.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace adscore::trainer::report {
namespace {

// Bytes of the UTF-8 character that `text` begins with, or 0 if it begins with none.
size_t CharacterBytes(std::string_view text) {
  const auto byte = [&text](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  size_t bytes = 0;
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first < 0xE0) bytes = 2;
  if (first >= 0xE0 && first < 0xF0) bytes = 3;
  if (first >= 0xF0 && first < 0xF5) bytes = 4;
  if (bytes == 0 || text.size() < bytes) return 0;
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what is beyond Unicode.
  if (first == 0xE0 && byte(1) < 0xA0) return 0;
  if (first == 0xED && byte(1) > 0x9F) return 0;
  if (first == 0xF0 && byte(1) < 0x90) return 0;
  if (first == 0xF4 && byte(1) > 0x8F) return 0;
  return bytes;
}

}  // namespace

std::string Escape(std::string_view text) {
  constexpr const char* kReplacement = "\xEF\xBF\xBD";
  std::string escaped;
  while (!text.empty()) {
    const size_t bytes = CharacterBytes(text);
    const char c = text.front();
    if (bytes == 0 || (bytes == 1 && (static_cast<unsigned char>(c) < 0x20 || c == 0x7F))) {
      escaped += kReplacement;
      text.remove_prefix(1);
      continue;
    }
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += text.substr(0, bytes);
    }
    text.remove_prefix(bytes);
  }
  return escaped;
}

std::string Explained(const std::string& label, const std::string& explanation) {
  return absl::StrCat("<span class=\"tip\" tabindex=\"0\" data-tip=\"", Escape(explanation), "\">",
                      Escape(label), "</span>");
}

std::string ToHtml(const Table& table) {
  std::string html = "<div class=\"scroll\"><table>\n<thead><tr>";
  for (const std::string& title : table.titles) absl::StrAppend(&html, "<th>", title, "</th>");
  html += "</tr></thead>\n<tbody>\n";
  for (const std::vector<std::string>& row : table.rows) {
    html += "<tr>";
    for (const std::string& cell : row) absl::StrAppend(&html, "<td>", cell, "</td>");
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string Number(const std::optional<double>& value, const std::optional<Interval>& interval) {
  if (!value) return "–";
  std::string html = absl::StrFormat("%.4f", *value);
  if (interval) absl::StrAppendFormat(&html, "<small>%.4f … %.4f</small>", interval->low, interval->high);
  return html;
}

std::string Percent(double share) {
  const double percent = 100 * share;
  if (percent == 0 || std::abs(percent) >= 10) return absl::StrFormat("%.1f%%", percent);
  return absl::StrFormat(std::abs(percent) >= 0.1 ? "%.2f%%" : "%.4f%%", percent);
}

std::string Count(uint64_t count) {
  std::string digits = absl::StrCat(count);
  for (size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

}  // namespace adscore::trainer::report

#include "trainer/label_window.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "data/cell.h"
#include "data/date_time.h"
#include "trainer/training_window.h"

namespace adscore::trainer {
namespace {

constexpr int64_t kDay = 86'400;
constexpr double kTooLargeForSeconds = 1e11;
constexpr int64_t kLongest = 3660 * kDay;  // some ten years

std::optional<int64_t> SecondsOf(char unit) {
  switch (unit) {
    case 's':
      return 1;
    case 'm':
      return 60;
    case 'h':
      return 3'600;
    case 'd':
      return kDay;
    case 'w':
      return 7 * kDay;
    default:
      return std::nullopt;
  }
}

// "7d".
std::optional<int64_t> ParseLength(const std::string& text) {
  const std::optional<int64_t> unit = text.empty() ? std::nullopt : SecondsOf(text.back());
  uint32_t count = 0;
  if (!unit || !absl::SimpleAtoi(text.substr(0, text.size() - 1), &count) || count == 0 ||
      count > kLongest / *unit) {
    return std::nullopt;
  }
  return count * *unit;
}

// "7d", in the largest unit that it is whole in.
std::string LengthToString(int64_t seconds) {
  for (const char unit : {'d', 'h', 'm'}) {
    const int64_t of = *SecondsOf(unit);
    if (seconds % of == 0) return absl::StrCat(seconds / of, std::string(1, unit));
  }
  return absl::StrCat(seconds, "s");
}

// As a moment, if it can be one of this century.
std::string TimeToString(int64_t seconds) {
  constexpr int64_t kFrom = 946'684'800;  // 2000-01-01
  constexpr int64_t kTo = 4'102'444'800;  // 2100-01-01
  return seconds >= kFrom && seconds < kTo ? IsoTime(seconds) : absl::StrCat(seconds, " s");
}

}  // namespace

absl::StatusOr<std::vector<LabelWindow>> ParseLabelWindows(std::string_view text) {
  std::vector<LabelWindow> windows;
  const std::vector<std::string> parts = absl::StrSplit(std::string(text), ',');
  for (const std::string& part : parts) {
    const size_t at = part.rfind('=');
    const bool all = at == std::string::npos;
    const std::optional<int64_t> seconds = ParseLength(all ? part : part.substr(at + 1));
    if (!seconds || at == 0 || (all && parts.size() > 1)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "'", part,
          "' is no window: give a whole number of w, d, h, m or s, of ten years at most, such as 7d for all "
          "heads, or some as HEAD=7d, such as conversion=7d,return=30d"));
    }
    LabelWindow window = {all ? "" : part.substr(0, at), *seconds};
    for (const LabelWindow& other : windows) {
      if (other.head != window.head) continue;
      return absl::InvalidArgumentError(absl::StrCat("'", window.head, "' is given two windows, ",
                                                     LengthToString(other.seconds), " and ",
                                                     LengthToString(window.seconds), ": one is right"));
    }
    windows.push_back(std::move(window));
  }
  return windows;
}

std::optional<int64_t> ParseRowTime(std::string_view cell) {
  const std::string_view text = data::Trim(cell);
  // Eight digits may be a date, but here they are seconds like those of the rows around, which are none.
  const bool seconds_alone = text.size() == 8 && text.find_first_not_of("0123456789") == text.npos;
  if (!seconds_alone) {
    if (const std::optional<data::DateTime> parsed = data::ParseDateTime(text)) return parsed->seconds;
  }
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (!(std::abs(seconds) < kTooLargeForSeconds)) return std::nullopt;
  return static_cast<int64_t>(std::floor(seconds));
}

absl::StatusOr<int64_t> ParseLabelUntil(std::string_view text) {
  const std::optional<int64_t> seconds = ParseRowTime(text);
  if (seconds) return *seconds;
  return absl::InvalidArgumentError(
      absl::StrCat("'", std::string(text),
                   "' is no time: write it as the column of --label-time does, such as 2026-01-31T18:30:00Z, "
                   "2026-01-31, or a number of seconds"));
}

absl::StatusOr<std::vector<std::string>> LeaveOutYoungRows(const std::vector<LabelWindow>& windows,
                                                           std::optional<int64_t> until,
                                                           const std::vector<model::Label>& labels,
                                                           Dataset* data) {
  if (!until) until = *std::max_element(data->times.begin(), data->times.end());
  std::vector<std::string> notices;
  for (const LabelWindow& window : windows) {
    bool found = false;
    for (size_t head = 0; head < labels.size(); ++head) {
      if (!window.head.empty() && window.head != labels[head].column) continue;
      found = true;
      uint64_t young = 0;
      for (size_t row = 0; row < data->rows; ++row) {
        if (data->times[row] <= *until - window.seconds) continue;
        data->labels[head][row] = kUnknownLabel;
        ++young;
      }
      const std::string where = absl::StrCat(
          "label '", labels[head].column, "': ", young == data->rows ? "all" : absl::StrCat(young, " of the"),
          " ", data->rows, " rows are younger than its window of ", LengthToString(window.seconds),
          ", counted from ", TimeToString(*until));
      if (young == data->rows) {
        return absl::InvalidArgumentError(
            absl::StrCat(where,
                         ", so that there is nothing to learn: give a longer log, a shorter "
                         "--label-window, or a later --label-until if the labels are as new as that"));
      }
      notices.push_back(absl::StrCat(where, ", and left out for it"));
    }
    if (!found) {
      return absl::InvalidArgumentError(
          absl::StrCat("--label-window names '", window.head, "', which is none of the labels"));
    }
  }
  data->times = {};
  return notices;
}

}  // namespace adscore::trainer

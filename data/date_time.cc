#include "data/date_time.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <string>

#include "absl/strings/ascii.h"
#include "data/cell.h"

namespace adscore::data {
namespace {

constexpr int64_t kDay = 86'400;  // seconds

// Takes what begins a text, and remembers whether all of it was as expected.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  // Exactly so many digits.
  int Number(size_t digits) {
    int number = 0;
    for (size_t i = 0; i < digits; ++i) {
      if (rest_.empty() || rest_[0] < '0' || rest_[0] > '9') {
        ok_ = false;
        return 0;
      }
      number = 10 * number + (rest_[0] - '0');
      rest_.remove_prefix(1);
    }
    return number;
  }

  bool Take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool Take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  // Jan to Dec, in whatever case: 1 to 12.
  int Month() {
    static constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                                 "jul", "aug", "sep", "oct", "nov", "dec"};
    const std::string_view text = rest_.substr(0, 3);
    const auto found = std::find_if(kMonths.begin(), kMonths.end(), [text](std::string_view month) {
      return std::equal(text.begin(), text.end(), month.begin(), month.end(), [](char a, char b) {
        return absl::ascii_tolower(static_cast<unsigned char>(a)) == b;
      });
    });
    ok_ = ok_ && found != kMonths.end();
    rest_.remove_prefix(text.size());
    return static_cast<int>(found - kMonths.begin()) + 1;
  }
  void Expect(char c) { ok_ = ok_ && Take(c); }
  void SkipDigits() {
    while (!rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9') rest_.remove_prefix(1);
  }
  void Require(bool condition) { ok_ = ok_ && condition; }

  std::string_view rest() const { return rest_; }
  bool ok() const { return ok_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

// Of 10, 13 or 16 digits: the first ten are seconds.
std::optional<DateTime> FromUnixTime(std::string_view digits) {
  constexpr int64_t kFrom = 946'684'800;  // 2000-01-01
  constexpr int64_t kTo = 4'102'444'800;  // 2100-01-01
  if (digits.size() != 10 && digits.size() != 13 && digits.size() != 16) return std::nullopt;
  int64_t seconds = 0;
  std::from_chars(digits.data(), digits.data() + 10, seconds);
  if (seconds < kFrom || seconds >= kTo) return std::nullopt;
  return DateTime{seconds / kDay, static_cast<int>(seconds % kDay / 3'600), seconds};
}

std::optional<int64_t> DayOf(int year, int month, int day) {
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || year < 1) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count();
}

// 20260301: eight digits, of this century so that other numbers are hardly ever taken for dates.
std::optional<DateTime> FromDigits(std::string_view digits) {
  int number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const int year = number / 10'000;
  const std::optional<int64_t> day = DayOf(year, number / 100 % 100, number % 100);
  if (!day || year < 2000 || year >= 2100) return std::nullopt;
  return DateTime{*day, std::nullopt, *day * kDay};
}

std::optional<int64_t> ScanDate(Scanner* scan) {
  int year = 0;
  int month = 0;
  int day = 0;
  if (scan->rest().size() > 2 && scan->rest()[2] == '.') {
    day = scan->Number(2);
    scan->Expect('.');
    month = scan->Number(2);
    scan->Expect('.');
    year = scan->Number(4);
  } else if (scan->rest().size() > 3 && absl::ascii_isalpha(static_cast<unsigned char>(scan->rest()[3]))) {
    day = scan->Number(2);
    const char between = scan->Take('/') ? '/' : '-';
    if (between == '-') scan->Expect('-');
    month = scan->Month();
    scan->Expect(between);
    year = scan->Number(4);
  } else {
    year = scan->Number(4);
    const char between = scan->Take('/') ? '/' : '-';
    if (between == '-') scan->Expect('-');
    month = scan->Number(2);
    scan->Expect(between);
    day = scan->Number(2);
  }
  return scan->ok() ? DayOf(year, month, day) : std::nullopt;
}

// Seconds that the zone is ahead of UTC.
int64_t ScanZone(Scanner* scan) {
  scan->Take(' ');
  if (scan->Take('Z') || scan->Take("UTC") || scan->Take("GMT")) return 0;
  const bool behind = scan->rest().starts_with('-');
  if (!scan->Take('+') && !scan->Take('-')) return 0;
  const int hours = scan->Number(2);
  const int minutes = scan->Take(':') || !scan->rest().empty() ? scan->Number(2) : 0;
  scan->Require(hours <= 14 && minutes < 60);
  return (behind ? -60 : 60) * (60 * hours + minutes);
}

}  // namespace

std::optional<DateTime> ParseDateTime(std::string_view cell) {
  const std::string_view text = Trim(cell);
  if (text.size() < 8 || text[0] < '0' || text[0] > '9') return std::nullopt;
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == text.size()) return digits == 8 ? FromDigits(text) : FromUnixTime(text);
  if (digits == 10 && text[10] == '.') {  // a fraction of a second
    const bool whole = text.find_first_not_of("0123456789", 11) == text.npos;
    return whole ? FromUnixTime(text.substr(0, 10)) : std::nullopt;
  }
  Scanner scan(text);
  const std::optional<int64_t> day = ScanDate(&scan);
  if (!day) return std::nullopt;
  DateTime parsed{*day, std::nullopt, *day * kDay};
  if (scan.rest().empty()) return parsed;
  if (!scan.Take('T') && !scan.Take(':')) scan.Expect(' ');
  parsed.hour = scan.Number(2);
  scan.Expect(':');
  const int minute = scan.Number(2);
  const int second = scan.Take(':') ? scan.Number(2) : 0;
  if (scan.Take('.')) scan.SkipDigits();
  parsed.seconds += 3'600 * *parsed.hour + 60 * minute + second - ScanZone(&scan);
  scan.Require(*parsed.hour < 24 && minute < 60 && second <= 60 && scan.rest().empty());
  return scan.ok() ? std::optional(parsed) : std::nullopt;
}

int WeekdayOf(int64_t day) { return static_cast<int>(((day + 3) % 7 + 7) % 7); }

std::string_view DatePartToken(std::string_view cell, DatePart part) {
  static constexpr std::array<std::string_view, 24> kHours = {"0",  "1",  "2",  "3",  "4",  "5",  "6",  "7",
                                                              "8",  "9",  "10", "11", "12", "13", "14", "15",
                                                              "16", "17", "18", "19", "20", "21", "22", "23"};
  static constexpr std::array<std::string_view, 7> kWeekdays = {"mon", "tue", "wed", "thu",
                                                                "fri", "sat", "sun"};
  const std::optional<DateTime> parsed = ParseDateTime(cell);
  if (!parsed) return {};
  switch (part) {
    case DatePart::kHour:
      return parsed->hour ? kHours[static_cast<size_t>(*parsed->hour)] : std::string_view();
    case DatePart::kWeekday:
      return kWeekdays[static_cast<size_t>(WeekdayOf(parsed->day))];
  }
  return {};
}

}  // namespace adscore::data

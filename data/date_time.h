// Dates and times as exports write them, and the parts of them that say something about the next time: the
// hour and the weekday, as they are written, whatever the time zone.
//
//   2026-03-01, 2026/03/01, 01.03.2026          a date: its hour is not known
//   01-Mar-2026, 01/Mar/2026, 20260301          the same; of digits alone from 2000 to 2099
//   2026-03-01 09:30[:38[.5]], …T09:30…         one with a time; a zone may follow (Z, UTC, GMT, +01:00)
//   01/Mar/2026:09:30:38 +0000                  the same, as web servers write it: a ':' before the time
//   1772357438[.5]                              seconds since 1970, in UTC, from 2000 to 2099
//   1772357438123, 1772357438123456             the same in thousandths or millionths
//
// The one rule that the trainer and the client share, so that the same cell means the same token everywhere.
//
// Thread-safe: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace adscore::data {

struct DateTime {
  int64_t day = 0;          // since 1970-01-01
  std::optional<int> hour;  // 0 to 23
  // Since 1970-01-01T00:00Z. The only one of the three that heeds the zone; without one it is UTC. Of a date
  // its first second.
  int64_t seconds = 0;
};

std::optional<DateTime> ParseDateTime(std::string_view cell);

// 0 is Monday.
int WeekdayOf(int64_t day);

enum class DatePart : uint8_t { kHour, kWeekday };

// The token that stands for a part of a cell: "0" … "23", "mon" … "sun". Empty, and so missing, if the cell
// does not have it.
std::string_view DatePartToken(std::string_view cell, DatePart part);

}  // namespace adscore::data

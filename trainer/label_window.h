// Positives that arrive late: a conversion may follow its impression by days, so that a young row without one
// is not negative yet. Rows younger than a head's window are left out for that head, whatever their label:
// to keep the young ones that are positive already would bias it the other way.
//
// Thread-safe: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/snapshot.h"
#include "trainer/dataset.h"

namespace adscore::trainer {

// How long a head's positives may take to arrive.
struct LabelWindow {
  std::string head;  // empty: of all heads
  int64_t seconds = 0;

  bool operator==(const LabelWindow&) const = default;
};

// "7d" for all heads, or "conversion=7d,return=30d": whole numbers of w, d, h, m or s. InvalidArgument for
// another form, for less than a second, and for a head that is named twice.
absl::StatusOr<std::vector<LabelWindow>> ParseLabelWindows(std::string_view text);

// Seconds since 1970 of a date or time as data/date_time.h knows them, but for dates of eight digits, or a
// number of seconds since any other moment. A date is its first second; without a zone it is UTC. Nothing for
// what is neither, and for other numbers that are too large for seconds (100,000,000,000 or more).
std::optional<int64_t> ParseRowTime(std::string_view cell);

// The same for a flag: InvalidArgument says what to write.
absl::StatusOr<int64_t> ParseLabelUntil(std::string_view text);

// Makes the label of each head with a window unknown in the rows that are younger than it, counted from
// `until`, or without it from the newest row; then drops Dataset::times. Gives a line about each such head.
// InvalidArgument if a window names none of the labels, or no row is old enough for its head.
absl::StatusOr<std::vector<std::string>> LeaveOutYoungRows(const std::vector<LabelWindow>& windows,
                                                           std::optional<int64_t> until,
                                                           const std::vector<model::Label>& labels,
                                                           Dataset* data);

}  // namespace adscore::trainer

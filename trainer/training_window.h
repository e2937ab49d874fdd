// The time that a log covers, as it is given on the command line and recorded in a snapshot.
//
// Thread-safe: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace adscore::trainer {

// Unix seconds, both ends included; 0: not known.
struct TrainingWindow {
  int64_t from = 0;
  int64_t to = 0;

  bool operator==(const TrainingWindow&) const = default;
};

// "FROM/TO" in ISO 8601: dates or times, such as 2026-01-01/2026-01-31 or
// 2026-01-01T06:00:00Z/2026-01-01T18:00:00+01:00. Without a zone it is UTC. A date stands for its first
// second as FROM, and for its last as TO. From 1970 to 9999, FROM not after TO. InvalidArgument otherwise.
absl::StatusOr<TrainingWindow> ParseTrainingWindow(std::string_view text);

// "2026-01-31T23:59:59Z".
std::string IsoTime(int64_t unix_seconds);

}  // namespace adscore::trainer

// Scores what a request log has kept with a model that does not serve yet, so that its first callers find its
// tables in memory and in the caches that real traffic fills.
//
// Thread-safe: functions over the file system. They take as long as the limits say, and belong on the thread
// that loads.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "server/clock.h"
#include "server/registry.h"

namespace adscore::server {

// What is enough.
struct WarmUpLimits {
  size_t rows = 50'000;
  std::chrono::milliseconds time{2000};
};

struct WarmUpResult {
  uint64_t requests = 0;  // scored
  uint64_t rows = 0;      // their candidates
  // Left out:
  uint64_t other_models = 0;
  uint64_t other_schemas = 0;  // of this model, packed for another schema
  uint64_t unfit = 0;          // with columns that the schema can't have, so not of this model after all
  // Of the first file that could not be read to its end: the others were. What is scored until then counts.
  absl::Status status;
};

// `path`: a directory of a request log, of which the newest files come first, or one file.
WarmUpResult WarmUp(const std::string& path, const ServedModel& served, const WarmUpLimits& limits,
                    const Clock& clock);

// The same with the default limits and one line in the log. What goes wrong keeps no version from serving.
void WarmUpAndLog(const std::string& path, const ServedModel& served, const Clock& clock);

}  // namespace adscore::server

// When to run a batch: a pure function of what is queued and of the time.
//
// Thread-safe: plain values.
#pragma once

#include <chrono>
#include <cstddef>

#include "server/clock.h"

namespace adscore::server {

struct BatchLimits {
  // A batch takes whole impressions up to this many rows; a larger impression is scored in slices
  // of so many, one after each batch.
  size_t max_batch_rows = 256;
  // How long the oldest impression may wait for others to join its batch. 0: run with whatever has arrived.
  std::chrono::microseconds max_delay{0};
};

struct BatchDecision {
  enum class Kind { kIdle, kWait, kRun };
  Kind kind = Kind::kIdle;
  Time until = kNever;  // kWait only: run then at the latest
};

BatchDecision DecideBatch(size_t queued_rows, Time oldest_arrival, Time now, const BatchLimits& limits);

}  // namespace adscore::server

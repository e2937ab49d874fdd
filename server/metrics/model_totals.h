// What a model has done since the server began: its cells of all loops, added up.
//
// Thread-safe: pure function of cells that others go on writing.
#pragma once

#include <cstdint>

#include "server/metrics/server_metrics.h"

namespace adscore::server {

// As ModelCells::OfScoring says. Durations are in nanoseconds.
struct ModelTotals {
  uint64_t succeeded = 0;
  uint64_t succeeded_ns = 0;
  uint64_t failed = 0;
  uint64_t failed_ns = 0;
  uint64_t queue_ns = 0;
  uint64_t forward_ns = 0;
  uint64_t rows = 0;    // scored
  uint64_t passes = 0;  // forward passes
};

ModelTotals TotalsOf(const ModelMetrics& metrics);

}  // namespace adscore::server

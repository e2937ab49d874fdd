#include "server/serving/batch_policy.h"

namespace adscore::server {

BatchDecision DecideBatch(size_t queued_rows, Time oldest_arrival, Time now, const BatchLimits& limits) {
  if (queued_rows == 0) return {};
  const Time due = oldest_arrival + limits.max_delay;
  if (queued_rows >= limits.max_batch_rows || now >= due) return {.kind = BatchDecision::Kind::kRun};
  return {.kind = BatchDecision::Kind::kWait, .until = due};
}

}  // namespace adscore::server

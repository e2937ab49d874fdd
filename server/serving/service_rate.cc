#include "server/serving/service_rate.h"

#include "server/clock.h"

namespace adscore::server {
namespace {

// Weight of the newest round: about the last ten count.
constexpr double kNewest = 0.2;

}  // namespace

void ServiceRate::Observe(size_t rows, Duration duration, bool saturated) {
  if (rows == 0) return;
  const double seen = Seconds(duration) / static_cast<double>(rows);
  if (seconds_per_row_ == 0) {
    seconds_per_row_ = seen;
  } else if (saturated || seen < seconds_per_row_) {
    seconds_per_row_ += kNewest * (seen - seconds_per_row_);
  }
}

ServiceRate::Duration ServiceRate::TimeFor(size_t rows) const {
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(seconds_per_row_ * static_cast<double>(rows)));
}

}  // namespace adscore::server

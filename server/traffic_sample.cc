#include "server/traffic_sample.h"

#include <algorithm>

namespace adscore::server {

model::Impression SampledImpression::View() const {
  return {.context = context.View(1), .candidates = candidates.View(rows)};
}

void TrafficSample::Keep(Time now, const model::Impression& impression) {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return;
  next_.store((now + kInterval).time_since_epoch().count(), std::memory_order_relaxed);
  SampledImpression& sampled = ring_[count_++ % kImpressions];
  sampled.rows = std::min(kMostRows, impression.candidates.rows);
  sampled.context.CopyFirst(1, impression.context);
  sampled.candidates.CopyFirst(sampled.rows, impression.candidates);
}

void TrafficSample::Adopt(const TrafficSample& other) {
  const std::scoped_lock lock(mutex_, other.mutex_);
  ring_ = other.ring_;
  count_ = other.count_;
}

std::vector<SampledImpression> TrafficSample::Since(uint64_t* count) const {
  const std::lock_guard lock(mutex_);
  std::vector<SampledImpression> sampled;
  const uint64_t kept = std::min<uint64_t>(count_, kImpressions);
  for (uint64_t i = std::max(*count, count_ - kept); i < count_; ++i) {
    sampled.push_back(ring_[i % kImpressions]);
  }
  *count = count_;
  return sampled;
}

}  // namespace adscore::server

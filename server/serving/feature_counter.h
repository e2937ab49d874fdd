// Counts missing and unknown values of the features that are asked with, in a sample of the requests: a
// broken join or a feed that has stopped shows there first.
//
// Not thread-safe: one per serving loop.
#pragma once

#include <cstddef>

#include "model/raw_columns.h"
#include "server/clock.h"
#include "server/registry.h"

namespace adscore::server {

class FeatureCounter {
 public:
  static constexpr std::chrono::milliseconds kInterval{10};  // of the samples of one version
  static constexpr size_t kMostRows = 8;                     // of one impression, the first ones

  // `loop`: the number of the loop, whose cells it writes.
  explicit FeatureCounter(size_t loop) : loop_(loop) {}

  // Counts `impression`, which must fit the schema of `served`, if the last one of that version was counted
  // long enough ago.
  void Offer(Time now, const ServedModel& served, const model::Impression& impression) {
    VersionCells& cells = served.version_metrics->of(loop_);
    if (now < cells.features_due) return;
    cells.features_due = now + kInterval;
    Count(served, impression);
  }

 private:
  void Count(const ServedModel& served, const model::Impression& impression) const;

  const size_t loop_;
};

}  // namespace adscore::server

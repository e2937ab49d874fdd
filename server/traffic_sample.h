// The last impressions that a version answered, a sample of them: what a newer version is compared on before
// it serves, and a shadow while it runs. Taking one costs a serving loop a copy of some kilobytes a hundred
// times a second; the comparing is done elsewhere.
//
// Thread-safe. A loop that finds the sample locked goes on without.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "model/raw_columns.h"
#include "server/clock.h"

namespace adscore::server {

struct SampledImpression {
  model::RawStorage context;
  model::RawStorage candidates;
  size_t rows = 0;  // candidates

  // Valid as long as this object.
  model::Impression View() const;
};

class TrafficSample {
 public:
  static constexpr size_t kImpressions = 256;  // kept, the last ones
  static constexpr size_t kMostRows = 32;      // of one impression, the first ones
  static constexpr std::chrono::milliseconds kInterval{10};

  // Nothing is kept unless somebody wants it.
  void SetWanted(bool wanted) { is_wanted_.store(wanted, std::memory_order_relaxed); }

  // Takes over what another version has answered, so that a swap does not begin from nothing.
  void Adopt(const TrafficSample& other);

  // For the loops: keeps a copy of `impression` if the last one was taken long enough ago.
  void Offer(Time now, const model::Impression& impression) {
    if (!is_wanted_.load(std::memory_order_relaxed)) return;
    if (now.time_since_epoch().count() < next_.load(std::memory_order_relaxed)) return;
    Keep(now, impression);
  }

  // Those taken since `*count` was what it is, the oldest first, or all that are kept if those are fewer.
  // Sets
  // `*count`, which begins at 0.
  std::vector<SampledImpression> Since(uint64_t* count) const;

 private:
  void Keep(Time now, const model::Impression& impression);

  std::atomic<bool> is_wanted_{false};
  std::atomic<Time::rep> next_{0};  // when the next one is due

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::array<SampledImpression, kImpressions> ring_;
  uint64_t count_ = 0;  // taken so far; the next one goes to count_ % kImpressions
};

}  // namespace adscore::server

// A recorder of latencies: counts in buckets that grow with the value (linear within a power of two, in the
// manner of HdrHistogram), so that the 99.9th percentile is as exact as the median and a run of any length
// fits in 18 KB.
//
// Not thread-safe: one writer each, then Add() them together.
#pragma once

#include <cstdint>
#include <vector>

namespace adscore::client {

class LatencyHistogram {
 public:
  LatencyHistogram();

  // Nanoseconds. Less than 0 counts as 0, more than 1000 s, which no deadline allows, as 1000 s.
  void Record(int64_t nanoseconds);

  void Add(const LatencyHistogram& other);

  uint64_t count() const { return count_; }
  int64_t max() const { return max_; }  // exact, nanoseconds; 0 if empty

  // The smallest recorded value that at least `quantile` (0 to 1) of the values do not exceed, within 1 %;
  // nanoseconds, 0 if empty.
  int64_t Quantile(double quantile) const;

 private:
  std::vector<uint64_t> buckets_;
  uint64_t count_ = 0;
  int64_t max_ = 0;
};

}  // namespace adscore::client

// Counters and histograms that one thread writes and a scrape reads: a relaxed load and store per update, no
// lock and no locked instruction. prometheus::Histogram takes a mutex per observation, which the serving
// loops can't afford.
//
// Thread-safe for one writer and any number of readers. A reader may see a histogram's sum a moment ahead of
// its counts.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "prometheus/client_metric.h"

namespace adscore::server {

class CounterCell {
 public:
  void Add(uint64_t n) { value_.store(value() + n, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

class HistogramCell {
 public:
  // `bounds`: ascending upper bounds of the buckets, inclusive; the last bucket, up to infinity, is added.
  // They must outlive the cell.
  explicit HistogramCell(std::span<const double> bounds);

  void Observe(double value);
  // Many values at once that the caller has counted: counts[i] more in bucket i, which add up to `sum`.
  void ObserveCounted(std::span<const uint32_t> counts, double sum);

  // Adds what this cell has seen to `sum`, whose buckets must be this cell's (or none yet).
  void AddTo(prometheus::ClientMetric::Histogram* sum) const;

 private:
  const std::span<const double> bounds_;
  const std::unique_ptr<CounterCell[]> counts_;  // [bounds + 1]
  std::atomic<double> sum_{0};
};

// Cells of all loops.
template <typename Cells>
class PerLoop {
 public:
  // `args`: for each loop's cells.
  template <typename... Args>
  explicit PerLoop(size_t loops, const Args&... args) {
    for (size_t i = 0; i < loops; ++i) cells_.push_back(std::make_unique<Cells>(args...));
  }
  Cells& of(size_t loop) const { return *cells_[loop]; }
  const std::vector<std::unique_ptr<Cells>>& all() const { return cells_; }

 private:
  std::vector<std::unique_ptr<Cells>> cells_;
};

// Bucket bounds. Durations resolve 20 µs to 1 s; probabilities are finest where click and conversion rates
// lie.
std::span<const double> DurationBounds();     // seconds
std::span<const double> LoadBounds();         // seconds, of loading a snapshot
std::span<const double> DifferenceBounds();   // of two probabilities
std::span<const double> RowBounds();          // rows
std::span<const double> ProbabilityBounds();  // 0 to 1

// Every row has a probability per head, so their buckets are found without a search.
inline constexpr size_t kProbabilityBuckets = 23;  // the one above all bounds included
size_t ProbabilityBucket(float probability);

}  // namespace adscore::server

#include "server/metrics/cells.h"

#include <algorithm>
#include <array>
#include <bit>
#include <iterator>
#include <limits>

namespace adscore::server {

HistogramCell::HistogramCell(std::span<const double> bounds)
    : bounds_(bounds), counts_(std::make_unique<CounterCell[]>(bounds.size() + 1)) {}

void HistogramCell::Observe(double value) {
  const size_t bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  counts_[bucket].Add(1);
  sum_.store(sum_.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
}

void HistogramCell::ObserveCounted(std::span<const uint32_t> counts, double sum) {
  for (size_t b = 0; b < counts.size(); ++b) {
    if (counts[b] > 0) counts_[b].Add(counts[b]);
  }
  sum_.store(sum_.load(std::memory_order_relaxed) + sum, std::memory_order_relaxed);
}

void HistogramCell::AddTo(prometheus::ClientMetric::Histogram* sum) const {
  sum->bucket.resize(bounds_.size() + 1);
  uint64_t cumulative = 0;
  for (size_t b = 0; b <= bounds_.size(); ++b) {
    cumulative += counts_[b].value();
    sum->bucket[b].upper_bound = b < bounds_.size() ? bounds_[b] : std::numeric_limits<double>::infinity();
    sum->bucket[b].cumulative_count += cumulative;
  }
  sum->sample_count += cumulative;
  sum->sample_sum += sum_.load(std::memory_order_relaxed);
}

std::span<const double> DurationBounds() {
  static constexpr double kBounds[] = {20e-6,  30e-6,  50e-6,  60e-6,  100e-6, 150e-6, 200e-6,
                                       300e-6, 400e-6, 500e-6, 750e-6, 1e-3,   1.5e-3, 2e-3,
                                       3e-3,   5e-3,   7.5e-3, 10e-3,  15e-3,  20e-3,  30e-3,
                                       50e-3,  75e-3,  100e-3, 200e-3, 300e-3, 500e-3, 1.0};
  return kBounds;
}

std::span<const double> LoadBounds() {
  static constexpr double kBounds[] = {1e-3, 3e-3, 10e-3, 30e-3, 0.1, 0.3, 1, 3, 10, 30, 100};
  return kBounds;
}

std::span<const double> DifferenceBounds() {
  static constexpr double kBounds[] = {-0.5, -0.2, -0.1, -0.05, -0.02, -0.01, -5e-3, -2e-3, -1e-3, -1e-4, 0,
                                       1e-4, 1e-3, 2e-3, 5e-3,  0.01,  0.02,  0.05,  0.1,   0.2,   0.5};
  return kBounds;
}

std::span<const double> RowBounds() {
  static constexpr double kBounds[] = {1,  2,   4,   8,   16,  24,   32,   48,   64,
                                       96, 128, 192, 256, 512, 1024, 4096, 16384};
  return kBounds;
}

namespace {

constexpr double kProbabilityBounds[] = {1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.03, 0.05, 0.075,
                                         0.1,  0.15, 0.2,  0.25, 0.3,  0.4,  0.5,  0.6,  0.7,  0.8,  0.9};
static_assert(std::size(kProbabilityBounds) + 1 == kProbabilityBuckets);

// The exponent and the first five bits of the fraction of a float name a stretch that holds no more than one
// bound: the table has the bucket where each stretch between 2^-14 and 1 begins.
constexpr int kDroppedBits = 18;
constexpr uint32_t kFirstStretch = std::bit_cast<uint32_t>(0x1p-14f) >> kDroppedBits;
constexpr uint32_t kStretches = (std::bit_cast<uint32_t>(1.0f) >> kDroppedBits) - kFirstStretch;

constexpr auto kBucketOfStretch = [] {
  std::array<uint8_t, kStretches> buckets{};
  for (uint32_t i = 0; i < kStretches; ++i) {
    const double begin = std::bit_cast<float>((kFirstStretch + i) << kDroppedBits);
    for (const double bound : kProbabilityBounds) buckets[i] += bound < begin ? 1 : 0;
  }
  return buckets;
}();

}  // namespace

std::span<const double> ProbabilityBounds() { return kProbabilityBounds; }

size_t ProbabilityBucket(float probability) {
  const uint32_t stretch = std::bit_cast<uint32_t>(probability) >> kDroppedBits;
  if (stretch < kFirstStretch) return 0;
  if (stretch >= kFirstStretch + kStretches) return kProbabilityBuckets - 1;
  const size_t bucket = kBucketOfStretch[stretch - kFirstStretch];
  return bucket +
         (bucket < std::size(kProbabilityBounds) && kProbabilityBounds[bucket] < probability ? 1 : 0);
}

}  // namespace adscore::server

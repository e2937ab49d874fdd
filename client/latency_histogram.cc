#include "client/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace adscore::client {
namespace {

// 64 buckets per power of two: a bucket is 1/64 to 1/128 of its value wide, and its middle is off by half of
// that.
constexpr int kBits = 6;
constexpr int64_t kLinear = int64_t{1} << (kBits + 1);  // below, every value has a bucket of its own
constexpr int64_t kLargest = 1'000'000'000'000;

size_t BucketOf(int64_t value) {
  if (value < kLinear) return static_cast<size_t>(value);
  const int shift = std::bit_width(static_cast<uint64_t>(value)) - (kBits + 1);
  return (static_cast<size_t>(shift) << kBits) + static_cast<size_t>(value >> shift);
}

int64_t MiddleOf(size_t bucket) {
  if (bucket < static_cast<size_t>(kLinear)) return static_cast<int64_t>(bucket);
  const size_t shift = (bucket >> kBits) - 1;
  const auto low = static_cast<int64_t>((bucket - (shift << kBits)) << shift);
  return low + ((int64_t{1} << shift) - 1) / 2;
}

}  // namespace

LatencyHistogram::LatencyHistogram() : buckets_(BucketOf(kLargest) + 1) {}

void LatencyHistogram::Record(int64_t nanoseconds) {
  const int64_t value = std::clamp<int64_t>(nanoseconds, 0, kLargest);
  ++buckets_[BucketOf(value)];
  ++count_;
  max_ = std::max(max_, value);
}

void LatencyHistogram::Add(const LatencyHistogram& other) {
  for (size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

int64_t LatencyHistogram::Quantile(double quantile) const {
  if (count_ == 0) return 0;
  const auto rank = static_cast<uint64_t>(std::ceil(quantile * static_cast<double>(count_)));
  const uint64_t wanted = std::clamp<uint64_t>(rank, 1, count_);
  uint64_t seen = 0;
  size_t bucket = 0;
  while ((seen += buckets_[bucket]) < wanted) ++bucket;
  return std::min(MiddleOf(bucket), max_);
}

}  // namespace adscore::client

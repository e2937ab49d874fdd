#include "client/latency_histogram.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace adscore::client {
namespace {

TEST(LatencyHistogram, EmptyHasNoLatency) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.max(), 0);
  EXPECT_EQ(histogram.Quantile(0.5), 0);
}

TEST(LatencyHistogram, OneValueIsEveryQuantileWithinOnePercent) {
  for (int64_t value = 1'000; value <= 1'000'000'000'000; value += value / 7 + 1) {
    LatencyHistogram histogram;
    histogram.Record(value);
    for (const double q : {0.0, 0.5, 1.0}) {
      EXPECT_NEAR(static_cast<double>(histogram.Quantile(q)), static_cast<double>(value),
                  0.01 * static_cast<double>(value));
    }
    EXPECT_EQ(histogram.max(), value);
  }
}

TEST(LatencyHistogram, QuantilesOfManyValuesAreThoseOfTheSortedValuesWithinOnePercent) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> latency(std::log(80'000.0), 1.5);
  LatencyHistogram histogram;
  std::vector<int64_t> values(100'000);
  for (int64_t& value : values) {
    value = static_cast<int64_t>(latency(random));
    histogram.Record(value);
  }
  std::sort(values.begin(), values.end());
  for (const double q : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const auto exact = static_cast<double>(values[static_cast<size_t>(std::ceil(q * 100'000)) - 1]);
    EXPECT_NEAR(static_cast<double>(histogram.Quantile(q)), exact, 0.01 * exact) << q;
  }
  EXPECT_EQ(histogram.max(), values.back());
  EXPECT_LE(histogram.Quantile(1.0), histogram.max());
}

TEST(LatencyHistogram, ValuesOutsideTheRangeCountAtItsEnds) {
  LatencyHistogram histogram;
  histogram.Record(-5);
  histogram.Record(1'000'000'000'001);
  EXPECT_EQ(histogram.count(), 2u);
  EXPECT_EQ(histogram.Quantile(0.5), 0);
  EXPECT_EQ(histogram.max(), 1'000'000'000'000);
}

TEST(LatencyHistogram, AddedHistogramsAreAsIfAllHadBeenRecordedInOne) {
  LatencyHistogram all;
  LatencyHistogram odd;
  LatencyHistogram even;
  for (int64_t value = 1; value < 3'000'000; value += 997) {
    all.Record(value);
    (value % 2 == 0 ? even : odd).Record(value);
  }
  odd.Add(even);
  EXPECT_EQ(odd.count(), all.count());
  EXPECT_EQ(odd.max(), all.max());
  for (const double q : {0.1, 0.5, 0.99}) EXPECT_EQ(odd.Quantile(q), all.Quantile(q));
}

}  // namespace
}  // namespace adscore::client

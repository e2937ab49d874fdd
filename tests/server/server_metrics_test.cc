// Cells, their sums at a scrape, and the names that stay.
#include "server/metrics/server_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <sstream>
#include <string>
#include <thread>

#include "prometheus/text_serializer.h"

namespace adscore::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Text(const ServerMetrics& metrics) {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, metrics.Collect());
  return out.str();
}

TEST(HistogramCellTest, AValueOnABoundCountsInItsBucket) {
  static constexpr double kBounds[] = {1, 2};
  HistogramCell cell{std::span<const double>(kBounds)};
  for (const double value : {0.5, 1.0, 1.5, 2.0, 9.0}) cell.Observe(value);
  prometheus::ClientMetric::Histogram sum;
  cell.AddTo(&sum);
  ASSERT_EQ(sum.bucket.size(), 3u);
  EXPECT_EQ(sum.bucket[0].cumulative_count, 2u);
  EXPECT_EQ(sum.bucket[1].cumulative_count, 4u);
  EXPECT_EQ(sum.bucket[2].cumulative_count, 5u);
  EXPECT_TRUE(std::isinf(sum.bucket[2].upper_bound));
  EXPECT_DOUBLE_EQ(sum.sample_sum, 14);
}

TEST(ServerMetricsTest, AScrapeAddsUpTheLoops) {
  ServerMetrics metrics(2, [] { return 5.0; });
  const ModelMetrics* ads = metrics.ForModel("ads");
  for (size_t loop : {0, 1}) {
    ads->of(loop).rows.Add(10 + loop);
    ads->of(loop).methods[static_cast<size_t>(Method::kPredict)].requests[0].Add(2);
    ads->of(loop).methods[static_cast<size_t>(Method::kPredict)].duration.Observe(0.0001);
    metrics.loop(loop).rejected[static_cast<size_t>(Refusal::kQueueFull)].Add(1);
    metrics.ForHead("ads", "click")->of(loop).Observe(0.03);
  }
  const std::string text = Text(metrics);
  EXPECT_THAT(text, HasSubstr("adscore_rows_total{model=\"ads\"} 21\n"));
  EXPECT_THAT(text, HasSubstr("adscore_requests_total{model=\"ads\",method=\"Predict\",code=\"OK\"} 4\n"));
  EXPECT_THAT(
      text,
      HasSubstr(
          "adscore_request_duration_seconds_bucket{model=\"ads\",method=\"Predict\",le=\"0.0001\"} 2\n"));
}

TEST(ServerMetricsTest, EveryNameOfTheContractIsThere) {
  ServerMetrics metrics(1, [] { return 0.0; });
  const ModelMetrics* ads = metrics.ForModel("ads");
  ads->of(0).methods[0].requests[0].Add(1);
  metrics.ForHead("ads", "click");
  metrics.CountSwap("ads", "swapped", "");
  metrics.ObserveLoad("ads", 0.2);
  metrics.SetServingVersion("ads", 7);
  const std::string text = Text(metrics);
  for (const char* name :
       {"adscore_requests_total", "adscore_rows_total", "adscore_request_duration_seconds",
        "adscore_queue_duration_seconds", "adscore_forward_duration_seconds", "adscore_batch_rows",
        "adscore_queued_rows", "adscore_rejected_total", "adscore_model_version", "adscore_model_swaps_total",
        "adscore_model_load_duration_seconds", "adscore_prediction", "adscore_build_info"}) {
    EXPECT_THAT(text, HasSubstr(std::string("# TYPE ") + name + " ")) << name;
  }
  EXPECT_THAT(text, HasSubstr("adscore_model_version{model=\"ads\"} 7\n"));
  EXPECT_THAT(text,
              HasSubstr("adscore_model_swaps_total{model=\"ads\",outcome=\"swapped\",reason=\"\"} 1\n"));
}

TEST(ServerMetricsTest, BucketBoundsAreWrittenAsAPersonWouldWriteThem) {
  ServerMetrics metrics(1, [] { return 0.0; });
  metrics.ForModel("ads")->of(0).methods[0].requests[0].Add(1);
  metrics.ForHead("ads", "click");
  metrics.ObserveLoad("ads", 1);
  const std::string text = Text(metrics);
  EXPECT_THAT(text, Not(HasSubstr("99999")));
  EXPECT_THAT(text, Not(HasSubstr("00001\"")));
}

TEST(ServerMetricsTest, ScrapesAndLoopsDoNotDisturbEachOther) {
  ServerMetrics metrics(2, [] { return 0.0; });
  const ModelMetrics* ads = metrics.ForModel("ads");
  std::atomic<bool> stop{false};
  std::thread scraper([&] {
    while (!stop) (void)metrics.Collect();
  });
  std::thread loops[2];
  for (size_t loop : {0, 1}) {
    loops[loop] = std::thread([&, loop] {
      for (int i = 0; i < 20'000; ++i) {
        ads->of(loop).rows.Add(1);
        ads->of(loop).batch_rows.Observe(i % 100);
      }
    });
  }
  for (std::thread& loop : loops) loop.join();
  stop = true;
  scraper.join();
  EXPECT_THAT(Text(metrics), HasSubstr("adscore_rows_total{model=\"ads\"} 40000\n"));
}

}  // namespace
}  // namespace adscore::server

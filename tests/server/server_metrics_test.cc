// Cells, their sums at a scrape, and the names that stay.
#include "server/metrics/server_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <ctime>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "server/metrics/text_format.h"

namespace adscore::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Text(const ServerMetrics& metrics) { return ToTextFormat(metrics.Collect()); }

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

TEST(ProbabilityBucketTest, IsTheFirstBucketWhoseBoundIsNotBelow) {
  const auto bounds = ProbabilityBounds();
  ASSERT_EQ(bounds.size() + 1, kProbabilityBuckets);
  std::vector<float> values = {0.0f, 1e-30f, 1.0f, 0.999999f};
  for (const double bound : bounds) {
    const auto near = static_cast<float>(bound);
    for (const float value : {near, std::nextafter(near, 0.0f), std::nextafter(near, 1.0f)})
      values.push_back(value);
  }
  for (float value = 1e-6f; value < 1; value *= 1.0001f) values.push_back(value);
  for (const float value : values) {
    const auto expected = std::lower_bound(bounds.begin(), bounds.end(), value) - bounds.begin();
    ASSERT_EQ(ProbabilityBucket(value), static_cast<size_t>(expected)) << value;
  }
}

TEST(HistogramCellTest, CountedValuesAddUpWithSingleOnes) {
  static constexpr double kBounds[] = {1, 2};
  HistogramCell cell{std::span<const double>(kBounds)};
  cell.Observe(0.5);
  const uint32_t counts[] = {2, 0, 1};
  cell.ObserveCounted(counts, 9);
  prometheus::ClientMetric::Histogram sum;
  cell.AddTo(&sum);
  EXPECT_EQ(sum.bucket[0].cumulative_count, 3u);
  EXPECT_EQ(sum.sample_count, 4u);
  EXPECT_DOUBLE_EQ(sum.sample_sum, 9.5);
}

constexpr auto kPredict = static_cast<size_t>(Method::kPredict);

// Lines of the text that begin with `prefix`.
size_t Series(const ServerMetrics& metrics, const std::string& prefix) {
  std::istringstream text(Text(metrics));
  size_t count = 0;
  for (std::string line; std::getline(text, line);) count += line.starts_with(prefix) ? 1 : 0;
  return count;
}

TEST(ServerMetricsTest, AScrapeAddsUpTheLoops) {
  ServerMetrics metrics(2, [] { return LiveState{.queued_rows = 5}; });
  const ModelMetrics* ads = metrics.ForModel("ads");
  const auto version = metrics.ForVersion("ads", 7, {"click"}, 1234);
  for (size_t loop : {0, 1}) {
    version->of(loop).rows.Add(10 + loop);
    version->of(loop).requests[kPredict][0].Add(2);
    version->of(loop).predictions[0].Observe(0.03);
    ads->of(loop).methods[kPredict].duration.Observe(0.0001);
    metrics.loop(loop).rejected[static_cast<size_t>(Refusal::kQueueFull)].Add(1);
  }
  const std::string text = Text(metrics);
  for (const char* line : {
           "adscore_rows_total{model=\"ads\",version=\"7\"} 21\n",
           "adscore_requests_total{model=\"ads\",version=\"7\",method=\"Predict\",code=\"OK\"} 4\n",
           "adscore_request_duration_seconds_bucket{model=\"ads\",method=\"Predict\",le=\"0.0001\"} 2\n",
           "adscore_prediction_count{model=\"ads\",version=\"7\",head=\"click\"} 2\n",
           "adscore_snapshot_bytes{model=\"ads\",version=\"7\"} 1234\n",
           "adscore_rejected_total{reason=\"queue_full\"} 2\n",
           "adscore_queued_rows 5\n",
       }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(ServerMetricsTest, ARequestLogHasSeriesWhereThereIsOne) {
  EXPECT_THAT(Text(ServerMetrics(1, [] { return LiveState{}; })), Not(HasSubstr("request_log")));
  const std::string text = Text(ServerMetrics(1, [] {
    return LiveState{.request_log = RequestLogCounts{.records = 5, .bytes = 600, .dropped = {1, 2, 3}}};
  }));
  for (const char* line : {"adscore_request_log_records_total 5\n", "adscore_request_log_bytes_total 600\n",
                           "adscore_request_log_dropped_total{reason=\"queue_full\"} 1\n",
                           "adscore_request_log_dropped_total{reason=\"too_large\"} 2\n",
                           "adscore_request_log_dropped_total{reason=\"write_failed\"} 3\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(ServerMetricsTest, EveryNameOfTheContractIsThere) {
  ServerMetrics metrics(1, [] { return LiveState{.max_queued_rows = 99, .draining = true}; });
  metrics.ForModel("ads")->of(0).methods[0].duration.Observe(0.001);
  const auto version = metrics.ForVersion("ads", 7, {"click"}, 1);
  const auto feature = metrics.ForFeature("ads", "site", true);
  const auto number = metrics.ForFeature("ads", "hour", false);
  metrics.ForShadow("ads", "click");
  metrics.CountSwap("ads", "swapped", "");
  metrics.ObserveLoad("ads", 0.2);
  metrics.SetServingVersion("ads", 7, 1);
  metrics.SetNewestVersion("ads", 9);
  const std::string text = Text(metrics);
  for (const char* name : {"adscore_requests_total",
                           "adscore_rows_total",
                           "adscore_request_duration_seconds",
                           "adscore_queue_duration_seconds",
                           "adscore_forward_duration_seconds",
                           "adscore_stage_duration_seconds",
                           "adscore_batch_rows",
                           "adscore_queued_rows",
                           "adscore_max_queued_rows",
                           "adscore_busy_seconds_total",
                           "adscore_draining",
                           "adscore_rejected_total",
                           "adscore_model_version",
                           "adscore_model_newest_version",
                           "adscore_model_age_seconds",
                           "adscore_model_swaps_total",
                           "adscore_model_load_duration_seconds",
                           "adscore_snapshot_bytes",
                           "adscore_prediction",
                           "adscore_shadow_difference",
                           "adscore_feature_values_total",
                           "adscore_feature_missing_total",
                           "adscore_feature_unknown_total",
                           "adscore_build_info",
                           "process_cpu_seconds_total",
                           "process_resident_memory_bytes",
                           "process_virtual_memory_bytes",
                           "process_open_fds",
                           "process_max_fds",
                           "process_start_time_seconds",
                           "process_threads"}) {
    EXPECT_THAT(text, HasSubstr(std::string("# TYPE ") + name + " ")) << name;
  }
  for (const char* line :
       {"adscore_model_version{model=\"ads\"} 7\n", "adscore_model_newest_version{model=\"ads\"} 9\n",
        "adscore_model_swaps_total{model=\"ads\",outcome=\"swapped\",reason=\"\"} 1\n",
        "adscore_max_queued_rows 99\n", "adscore_draining 1\n",
        "adscore_feature_unknown_total{model=\"ads\",feature=\"site\"} 0\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  for (const char* stage : {"decode", "queue", "encode", "forward", "write"}) {
    EXPECT_THAT(text,
                HasSubstr(std::string("adscore_stage_duration_seconds_count{stage=\"") + stage + "\"}"));
  }
  EXPECT_THAT(text, Not(HasSubstr("adscore_feature_unknown_total{model=\"ads\",feature=\"hour\"}")));
}

TEST(ServerMetricsTest, TheAgeIsSinceTheVersionWasMadeAndAbsentWhereThatIsNotKnown) {
  ServerMetrics metrics(1, [] { return LiveState{}; });
  metrics.SetServingVersion("ads", 7, 0);
  EXPECT_EQ(Series(metrics, "adscore_model_age_seconds{"), 0u);
  metrics.SetServingVersion("ads", 7, time(nullptr) - 1000);
  const std::string text = Text(metrics);
  const std::string name = "adscore_model_age_seconds{model=\"ads\"} ";
  const size_t at = text.find(name);
  ASSERT_NE(at, std::string::npos);
  const double age = std::stod(text.substr(at + name.size()));
  EXPECT_GE(age, 1000);
  EXPECT_LT(age, 5000);
}

// A server lives for months, and its model is swapped every few minutes.
TEST(ServerMetricsTest, SeriesOfVersionsAndFeaturesThatAreGoneDisappear) {
  ServerMetrics metrics(2, [] { return LiveState{}; });
  std::shared_ptr<const VersionMetrics> held = metrics.ForVersion("ads", 1, {"click"}, 1);
  std::shared_ptr<const FeatureMetrics> feature = metrics.ForFeature("ads", "site1", true);
  const size_t before = Series(metrics, "");
  for (int version = 2; version <= 5000; ++version) {
    held = metrics.ForVersion("ads", version, {"click"}, 1);
    feature = metrics.ForFeature("ads", "site" + std::to_string(version), true);
  }
  EXPECT_EQ(Series(metrics, ""), before);
  EXPECT_EQ(Series(metrics, "adscore_rows_total{model=\"ads\",version=\"5000\"}"), 1u);
  held.reset();
  EXPECT_EQ(Series(metrics, "adscore_rows_total{"), 0u);
}

TEST(ServerMetricsTest, AVersionThatIsLoadedAnewGoesOnCounting) {
  ServerMetrics metrics(1, [] { return LiveState{}; });
  const auto first = metrics.ForVersion("ads", 7, {"click"}, 1);
  first->of(0).rows.Add(3);
  EXPECT_EQ(metrics.ForVersion("ads", 7, {"click"}, 1), first);
  // Another file under the same number: one series each all the same, as a scrape must not have two.
  const auto other = metrics.ForVersion("ads", 7, {"click", "conversion"}, 2);
  EXPECT_NE(other, first);
  EXPECT_EQ(Series(metrics, "adscore_rows_total{"), 1u);
  EXPECT_EQ(Series(metrics, "adscore_prediction_count{"), 2u);
}

TEST(ServerMetricsTest, FirstAnswersOfAVersionCountFromZero) {
  ServerMetrics metrics(1, [] { return LiveState{}; });
  const auto version = metrics.ForVersion("ads", 7, {"click"}, 1);
  EXPECT_THAT(
      Text(metrics),
      HasSubstr("adscore_requests_total{model=\"ads\",version=\"7\",method=\"Predict\",code=\"OK\"} 0\n"));
}

TEST(ServerMetricsTest, NamesOfAnyKindAreEscaped) {
  ServerMetrics metrics(1, [] { return LiveState{}; });
  const auto feature = metrics.ForFeature("ads", "a\"b\\c\nd", false);
  EXPECT_THAT(Text(metrics), HasSubstr("feature=\"a\\\"b\\\\c\\nd\"} 0\n"));
}

TEST(ThreadTimeTest, GrowsWithWorkAndStaysWhatItWasAtTheEnd) {
  ThreadTime time;
  EXPECT_EQ(time.Seconds(), 0);
  std::atomic<bool> stop{false};
  std::thread worker([&] {
    time.Begin();
    while (!stop) {
    }
    time.End();
  });
  while (time.Seconds() < 0.01) std::this_thread::yield();
  stop = true;
  worker.join();
  const double at_the_end = time.Seconds();
  EXPECT_GE(at_the_end, 0.01);
  EXPECT_EQ(time.Seconds(), at_the_end);
}

TEST(ServerMetricsTest, BucketBoundsAreWrittenAsAPersonWouldWriteThem) {
  ServerMetrics metrics(1, [] { return LiveState{}; });
  metrics.ForModel("ads")->of(0).methods[0].duration.Observe(0.001);
  const auto version = metrics.ForVersion("ads", 1, {"click"}, 1);
  metrics.ObserveLoad("ads", 1);
  const std::string text = Text(metrics);
  EXPECT_THAT(text, Not(HasSubstr("99999")));
  EXPECT_THAT(text, Not(HasSubstr("00001\"")));
}

TEST(ServerMetricsTest, ScrapesAndLoopsDoNotDisturbEachOther) {
  ServerMetrics metrics(2, [] { return LiveState{}; });
  const ModelMetrics* ads = metrics.ForModel("ads");
  const auto version = metrics.ForVersion("ads", 7, {"click"}, 1);
  std::atomic<bool> stop{false};
  std::thread scraper([&] {
    while (!stop) (void)metrics.Collect();
  });
  std::thread loops[2];
  for (size_t loop : {0, 1}) {
    loops[loop] = std::thread([&, loop] {
      for (int i = 0; i < 20'000; ++i) {
        version->of(loop).rows.Add(1);
        ads->of(loop).batch_rows.Observe(i % 100);
      }
    });
  }
  for (std::thread& loop : loops) loop.join();
  stop = true;
  scraper.join();
  EXPECT_THAT(Text(metrics), HasSubstr("adscore_rows_total{model=\"ads\",version=\"7\"} 40000\n"));
}

}  // namespace
}  // namespace adscore::server

// Missing and unknown values by feature, in a sample of the requests.
#include "server/serving/feature_counter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "data/cell.h"
#include "tests/model/tiny_snapshot.h"
#include "tests/server/served_models.h"

namespace adscore::server {
namespace {

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

class FeatureCounterTest : public ::testing::Test {
 protected:
  struct Counts {
    uint64_t values;
    uint64_t missing;
    uint64_t unknown;
    bool operator==(const Counts&) const = default;
  };
  Counts CountsOf(const std::string& feature, bool has_vocabulary) {
    const FeatureCells& cells = metrics_.ForFeature("ads", feature, has_vocabulary)->of(0);
    return {cells.values.value(), cells.missing.value(), cells.unknown.value()};
  }

  static uint64_t Token(const std::string& text) { return data::TokenHash(text); }

  const model::testing::TinySnapshot snapshot_;
  ServerMetrics metrics_{1, [] { return LiveState{}; }};
  const std::shared_ptr<const ServedModel> served_ = MakeServed(snapshot_.snapshot(), "ads", 7, &metrics_);
  FeatureCounter counter_{0};
  Time now_{std::chrono::seconds(1)};
};

TEST_F(FeatureCounterTest, CountsMissingAndUnknownValuesOfEachKind) {
  model::RawStorage context{
      .numeric = {kMissing}, .categorical = {Token("elsewhere")}, .multi_count = {0}, .multi = {}};
  // Three candidates.
  model::RawStorage candidates{.numeric = {1.0f, kMissing, kMissing},
                               .categorical = {Token("ad1"), 0, Token("never seen")},
                               .multi_count = {2, 0, 2},
                               .multi = {Token("tag1"), Token("tag2"), Token("tag3"), Token("never seen")}};
  counter_.Offer(now_, *served_, {.context = context.View(1), .candidates = candidates.View(3)});
  EXPECT_EQ(CountsOf("hour", false), (Counts{1, 1, 0}));
  EXPECT_EQ(CountsOf("site", true), (Counts{1, 0, 1}));
  EXPECT_EQ(CountsOf("interests", true), (Counts{1, 1, 0}));
  EXPECT_EQ(CountsOf("bid", false), (Counts{3, 2, 0}));
  EXPECT_EQ(CountsOf("ad", true), (Counts{3, 1, 1}));
  EXPECT_EQ(CountsOf("tags", true), (Counts{3, 1, 1}));
}

TEST_F(FeatureCounterTest, LooksAtTheFirstCandidatesAndAtFewRequestsASecond) {
  const model::testing::RandomColumns context(snapshot_.snapshot().schema, model::FeatureRole::kContext, 1,
                                              1);
  const model::testing::RandomColumns candidates(snapshot_.snapshot().schema, model::FeatureRole::kCandidate,
                                                 100, 2);
  const model::Impression impression = {.context = context.columns, .candidates = candidates.columns};
  for (int i = 0; i < 10; ++i) counter_.Offer(now_, *served_, impression);
  EXPECT_EQ(CountsOf("ad", true).values, FeatureCounter::kMostRows);
  counter_.Offer(now_ + FeatureCounter::kInterval, *served_, impression);
  EXPECT_EQ(CountsOf("ad", true).values, 2 * FeatureCounter::kMostRows);
}

TEST_F(FeatureCounterTest, OnlyTheFirstFeaturesOfAWideSchemaHaveSeries) {
  model::Snapshot wide;
  for (size_t f = 0; f < kCountedFeatures + 10; ++f) {
    wide.schema.features.push_back({.name = "f" + std::to_string(f)});
  }
  wide.encodings.resize(wide.schema.features.size());
  wide.heads.push_back({.name = "click", .label = {}, .calibrator = {}});
  const std::vector<float> weights(wide.CandidateWidth());
  const std::vector<float> bias(1);
  wide.layers.push_back({.inputs = weights.size(), .outputs = 1, .weights = weights, .bias = bias});
  const auto served = MakeServed(wide, "wide", 1, &metrics_);
  ASSERT_EQ(served->feature_metrics.size(), kCountedFeatures);
  const std::vector<float> numbers(wide.schema.features.size(), 1.0f);
  model::Impression impression;
  impression.context.rows = 1;
  impression.candidates.rows = 1;
  impression.candidates.numeric = numbers;
  counter_.Offer(now_, *served, impression);
  EXPECT_EQ(served->feature_metrics.back()->of(0).values.value(), 1u);
}

}  // namespace
}  // namespace adscore::server

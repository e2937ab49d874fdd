// What becomes of queued impressions: batching, dropping, scoring, counting; without a network.
#include "server/serving/batcher.h"

#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/model/tiny_snapshot.h"
#include "tests/server/fake_clock.h"
#include "tests/server/served_models.h"

namespace adscore::server {
namespace {

using model::FeatureRole;
using model::testing::RandomColumns;
using model::testing::TinyOptions;
using model::testing::TinySnapshot;

// Remembers how it ended.
class FakeJob final : public ImpressionJob {
 public:
  FakeJob(const model::Schema& schema, size_t candidates, uint64_t seed)
      : context_(schema, FeatureRole::kContext, 1, seed),
        candidates_(schema, FeatureRole::kCandidate, candidates, seed) {
    rows = candidates;
  }

  std::optional<Refusal> Decode(const ServedModel&, model::Impression* decoded) override {
    *decoded = impression();
    return decode_refusal;
  }
  void Answer(const ServedModel& served, std::span<const float> probabilities) override {
    ++ended;
    answered_version = served.version;
    answer.assign(probabilities.begin(), probabilities.end());
  }
  void Refuse(Refusal why, const ServedModel*) override {
    ++ended;
    refusal = why;
  }

  model::Impression impression() const {
    return {.context = context_.columns, .candidates = candidates_.columns};
  }

  std::optional<Refusal> decode_refusal;
  int ended = 0;
  int64_t answered_version = 0;
  std::vector<float> answer;
  std::optional<Refusal> refusal;

 private:
  RandomColumns context_;
  RandomColumns candidates_;
};

class BatcherTest : public ::testing::Test {
 protected:
  BatcherTest() { Publish(snapshot_, "ads", 7); }

  void Publish(const TinySnapshot& snapshot, const std::string& name, int64_t version) {
    retired_.push_back(registry_.Publish(MakeServed(snapshot.snapshot(), name, version, &metrics_)));
  }

  FakeJob& Enqueue(size_t rows, const std::string& model = "ads") {
    FakeJob& job = jobs_.emplace_back(snapshot_.snapshot().schema, rows, jobs_.size() + 1);
    model_names_.push_back(model);
    job.model = model_names_.back();
    job.arrival = clock_.Now();
    batcher_.Enqueue(&job);
    return job;
  }

  uint64_t Passes(const std::string& model) {
    prometheus::ClientMetric::Histogram histogram;
    metrics_.ForModel(model)->of(0).batch_rows.AddTo(&histogram);
    return histogram.sample_count;
  }
  uint64_t Rejected(Refusal refusal) {
    return metrics_.loop(0).rejected[static_cast<size_t>(refusal)].value();
  }

  const TinySnapshot snapshot_;
  FakeClock clock_;
  Registry registry_;
  Admission admission_{100};
  ServerMetrics metrics_{1, [] { return 0.0; }};
  std::vector<std::shared_ptr<const ServedModels>> retired_;
  Batcher batcher_{0, {.max_batch_rows = 16}, &admission_, &registry_, &metrics_, &clock_};
  std::deque<FakeJob> jobs_;
  std::deque<std::string> model_names_;
};

void ExpectNear(const std::vector<float>& expected, const std::vector<float>& actual) {
  ASSERT_EQ(expected.size(), actual.size());
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(expected[i], actual[i], 1e-6) << "value " << i;
}

TEST_F(BatcherTest, OnePassScoresAllQueuedImpressionsEachWithItsOwnProbabilities) {
  for (const size_t rows : {1, 5, 2, 8}) Enqueue(rows);
  EXPECT_EQ(batcher_.Decide().kind, BatchDecision::Kind::kRun);
  batcher_.RunBatch();
  EXPECT_TRUE(batcher_.empty());
  EXPECT_EQ(Passes("ads"), 1u);
  EXPECT_EQ(admission_.queued_rows(), 0u);
  for (const FakeJob& job : jobs_) {
    EXPECT_EQ(job.ended, 1);
    EXPECT_EQ(job.answered_version, 7);
    ExpectNear(ReferenceOf(snapshot_.snapshot(), job.impression()), job.answer);
  }
}

TEST_F(BatcherTest, ABatchTakesWholeImpressionsInOrderUpToItsRows) {
  for (const size_t rows : {10, 6, 1}) Enqueue(rows);
  batcher_.RunBatch();
  EXPECT_EQ(jobs_[0].ended, 1);
  EXPECT_EQ(jobs_[1].ended, 1);
  EXPECT_EQ(jobs_[2].ended, 0);
  EXPECT_EQ(admission_.queued_rows(), 1u);
  batcher_.RunBatch();
  EXPECT_EQ(jobs_[2].ended, 1);
}

TEST_F(BatcherTest, AnImpressionLargerThanABatchIsABatchOfItsOwn) {
  Enqueue(1);
  Enqueue(40);
  Enqueue(1);
  batcher_.RunBatch();
  EXPECT_EQ(jobs_[1].ended, 0);
  batcher_.RunBatch();
  EXPECT_EQ(jobs_[1].answer.size(), 80u);
  EXPECT_EQ(jobs_[2].ended, 0);
}

TEST_F(BatcherTest, WhatHasExpiredIsNotComputed) {
  FakeJob& expired = Enqueue(1);
  expired.deadline = clock_.Now() + std::chrono::milliseconds(5);
  FakeJob& alive = Enqueue(1);
  alive.deadline = clock_.Now() + std::chrono::milliseconds(6);
  clock_.Advance(std::chrono::milliseconds(5));
  batcher_.RunBatch();
  EXPECT_EQ(expired.refusal, Refusal::kDeadlineExceeded);
  EXPECT_EQ(Rejected(Refusal::kDeadlineExceeded), 1u);
  EXPECT_EQ(alive.answered_version, 7);
  EXPECT_EQ(metrics_.ForModel("ads")->of(0).rows.value(), 1u);
}

TEST_F(BatcherTest, WhoLeftIsNotComputed) {
  FakeJob& job = Enqueue(1);
  job.cancelled = true;
  batcher_.RunBatch();
  EXPECT_EQ(job.refusal, Refusal::kCancelled);
  EXPECT_EQ(Passes("ads"), 0u);
}

TEST_F(BatcherTest, AFullQueueRefusesAtOnceAndTakesAgainWhenItHasRoom) {
  Enqueue(60);
  Enqueue(40);
  FakeJob& refused = Enqueue(1);
  EXPECT_EQ(refused.refusal, Refusal::kQueueFull);
  EXPECT_EQ(Rejected(Refusal::kQueueFull), 1u);
  batcher_.RunBatch();
  EXPECT_EQ(Enqueue(1).ended, 0);
}

TEST_F(BatcherTest, ABadRequestFailsAloneAndNotItsBatch) {
  FakeJob& good = Enqueue(2);
  FakeJob& bad = Enqueue(2);
  bad.decode_refusal = Refusal::kInvalid;
  FakeJob& other = Enqueue(2);
  batcher_.RunBatch();
  EXPECT_EQ(bad.refusal, Refusal::kInvalid);
  ExpectNear(ReferenceOf(snapshot_.snapshot(), good.impression()), good.answer);
  ExpectNear(ReferenceOf(snapshot_.snapshot(), other.impression()), other.answer);
}

TEST_F(BatcherTest, ImpressionsOfTwoModelsInOneBatchGetEachTheirOwnModel) {
  const TinySnapshot video({.heads = {"view"}, .seed = 9});
  Publish(video, "video", 3);
  FakeJob& ads = Enqueue(2, "ads");
  FakeJob& view = Enqueue(3, "video");
  FakeJob& more_ads = Enqueue(1, "ads");
  batcher_.RunBatch();
  EXPECT_EQ(Passes("ads"), 1u);
  EXPECT_EQ(Passes("video"), 1u);
  EXPECT_EQ(view.answered_version, 3);
  ExpectNear(ReferenceOf(video.snapshot(), view.impression()), view.answer);
  ExpectNear(ReferenceOf(snapshot_.snapshot(), ads.impression()), ads.answer);
  ExpectNear(ReferenceOf(snapshot_.snapshot(), more_ads.impression()), more_ads.answer);
}

TEST_F(BatcherTest, ANewerVersionScoresWhatWasQueuedBeforeIt) {
  const TinySnapshot newer({.seed = 2});
  FakeJob& job = Enqueue(4);
  Publish(newer, "ads", 8);
  batcher_.RunBatch();
  EXPECT_EQ(job.answered_version, 8);
  ExpectNear(ReferenceOf(newer.snapshot(), job.impression()), job.answer);
}

TEST_F(BatcherTest, NamesAndVersionsAreHeldToWhatServes) {
  EXPECT_EQ(Enqueue(1, "").refusal, std::nullopt);  // the only model
  EXPECT_EQ(Enqueue(1, "adz").ended, 0);
  FakeJob& present = Enqueue(1);
  present.version = 7;
  FakeJob& other = Enqueue(1);
  other.version = 6;
  batcher_.RunBatch();
  EXPECT_EQ(jobs_[0].answered_version, 7);
  EXPECT_EQ(jobs_[1].refusal, Refusal::kNotFound);
  EXPECT_EQ(present.answered_version, 7);
  EXPECT_EQ(other.refusal, Refusal::kNotFound);
}

TEST_F(BatcherTest, WithoutANameSeveralModelsAreAmbiguous) {
  const TinySnapshot video({.seed = 9});
  Publish(video, "video", 3);
  FakeJob& job = Enqueue(1, "");
  batcher_.RunBatch();
  EXPECT_EQ(job.refusal, Refusal::kInvalid);
}

TEST(BatcherWithoutModelTest, RefusesWithNoModel) {
  FakeClock clock;
  Registry registry;
  Admission admission(10);
  ServerMetrics metrics(1, [] { return 0.0; });
  Batcher batcher(0, {}, &admission, &registry, &metrics, &clock);
  const TinySnapshot snapshot;
  FakeJob job(snapshot.snapshot().schema, 1, 1);
  job.model = "ads";
  batcher.Enqueue(&job);
  batcher.RunBatch();
  EXPECT_EQ(job.refusal, Refusal::kNoModel);
}

TEST_F(BatcherTest, CountsRowsPassesAndPredictionsByHead) {
  Enqueue(3);
  Enqueue(2);
  clock_.Advance(std::chrono::milliseconds(2));
  batcher_.RunBatch();
  EXPECT_EQ(metrics_.ForModel("ads")->of(0).rows.value(), 5u);
  for (const char* head : {"click", "conversion"}) {
    prometheus::ClientMetric::Histogram predictions;
    metrics_.ForHead("ads", head)->of(0).AddTo(&predictions);
    EXPECT_EQ(predictions.sample_count, 5u) << head;
  }
  prometheus::ClientMetric::Histogram queued;
  metrics_.loop(0).queue_duration.AddTo(&queued);
  EXPECT_EQ(queued.sample_count, 2u);
  EXPECT_NEAR(queued.sample_sum, 0.004, 1e-9);
}

}  // namespace
}  // namespace adscore::server

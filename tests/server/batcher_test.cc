// What becomes of queued impressions: batching, dropping, scoring, counting; without a network.
#include <gtest/gtest.h>

#include "tests/model/tiny_snapshot.h"
#include "tests/server/batcher_fixture.h"

namespace adscore::server {
namespace {

using model::testing::TinySnapshot;

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
  EXPECT_EQ(RowsOfVersion7(), 1u);
}

TEST_F(BatcherTest, WhatHasExpiredOnArrivalIsRefusedAtOnce) {
  FakeJob& job = EnqueueDue(1, std::chrono::milliseconds(0));
  EXPECT_EQ(job.refusal, Refusal::kDeadlineExceeded);
  EXPECT_TRUE(batcher_.empty());
  EXPECT_EQ(admission_.queued_rows(), 0u);
}

TEST_F(BatcherTest, ADeadlineThatTheQueueCanNotMeetIsRefusedOnArrivalWithAHint) {
  RunAtOneMillisecondPerRow();
  Enqueue(10);
  FakeJob& late = EnqueueDue(5, std::chrono::milliseconds(28));
  EXPECT_EQ(late.refusal, Refusal::kDeadlineTooClose);
  EXPECT_EQ(Rejected(Refusal::kDeadlineTooClose), 1u);
  EXPECT_NEAR(late.retry_after.count(), 10, 1) << "what is queued is then worked off";
  EXPECT_EQ(admission_.queued_rows(), 10u);
  EXPECT_EQ(EnqueueDue(5, std::chrono::milliseconds(32)).ended, 0);
  batcher_.RunBatch();
  EXPECT_EQ(late.ended, 1);
}

TEST_F(BatcherTest, OfALargeImpressionOnlyASliceIsAheadOfASmallOne) {
  RunAtOneMillisecondPerRow();
  Enqueue(60);
  EXPECT_EQ(EnqueueDue(1, std::chrono::milliseconds(32)).refusal, Refusal::kDeadlineTooClose);
  EXPECT_EQ(EnqueueDue(1, std::chrono::milliseconds(36)).ended, 0);
  EXPECT_EQ(EnqueueDue(20, std::chrono::milliseconds(150)).refusal, Refusal::kDeadlineTooClose);
}

TEST_F(BatcherTest, AnEmptyQueueTriesWhateverTheEstimate) {
  RunAtOneMillisecondPerRow();
  EXPECT_EQ(EnqueueDue(10, std::chrono::milliseconds(1)).ended, 0);
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
  EXPECT_GE(refused.retry_after.count(), 1);
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

TEST_F(BatcherTest, WhatIsAnsweredIsKeptAndWhatIsRefusedIsNot) {
  answered_.SetShare(1);
  FakeJob& first = Enqueue(2);
  Enqueue(2).decode_refusal = Refusal::kInvalid;
  FakeJob& second = Enqueue(3);
  batcher_.RunBatch();
  const std::vector<AnsweredRequest> kept = answered_.Take();
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept[0].model, "ads");
  EXPECT_EQ(kept[0].version, 7);
  EXPECT_EQ(kept[0].probabilities, first.answer);
  EXPECT_EQ(kept[1].probabilities, second.answer);
  EXPECT_EQ(kept[1].heads, (std::vector<std::string>{"click", "conversion"}));
  ExpectNear(ReferenceOf(snapshot_.snapshot(), kept[1].impression.View()), second.answer);
  answered_.SetShare(0);
  Enqueue(1);
  batcher_.RunBatch();
  EXPECT_TRUE(answered_.Take().empty());
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
  present.wanted.version = 7;
  FakeJob& other = Enqueue(1);
  other.wanted.version = 6;
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
  ServerMetrics metrics(1, [] { return LiveState{}; });
  Batcher batcher(0, {}, &admission, &registry, &metrics, &clock);
  const TinySnapshot snapshot;
  FakeJob job(snapshot.snapshot().schema, 1, 1);
  job.wanted.model = "ads";
  batcher.Enqueue(&job);
  batcher.RunBatch();
  EXPECT_EQ(job.refusal, Refusal::kNoModel);
}

TEST_F(BatcherTest, CountsRowsPassesAndPredictionsByHead) {
  Enqueue(3);
  Enqueue(2);
  clock_.Advance(std::chrono::milliseconds(2));
  batcher_.RunBatch();
  const auto version = metrics_.ForVersion("ads", 7, {"click", "conversion"}, 0);
  EXPECT_EQ(version->of(0).rows.value(), 5u);
  for (const HistogramCell& cell : version->of(0).predictions) {
    EXPECT_EQ(Sum(cell).sample_count, 5u);
  }
  EXPECT_EQ(Sum(metrics_.loop(0).queue_duration).sample_count, 2u);
  EXPECT_NEAR(Sum(metrics_.loop(0).queue_duration).sample_sum, 0.004, 1e-9);
}

TEST_F(BatcherTest, CountsEachStageOncePerRequestOrBatch) {
  Enqueue(3);
  Enqueue(2);
  Enqueue(1, "nobody");
  batcher_.RunBatch();
  const LoopCells& cells = metrics_.loop(0);
  EXPECT_EQ(Sum(cells.queue_duration).sample_count, 3u);
  EXPECT_EQ(Sum(cells.decode_duration).sample_count, 2u);  // no model, nothing to decode for
  EXPECT_EQ(Sum(cells.encode_duration).sample_count, 1u);
  EXPECT_EQ(Sum(metrics_.ForModel("ads")->of(0).forward_duration).sample_count, 1u);
  EXPECT_EQ(Sum(cells.write_duration).sample_count, 2u);
}

TEST_F(BatcherTest, CountsTheStagesOfALargeImpression) {
  Enqueue(40);  // three slices of at most 16
  while (!batcher_.empty()) batcher_.RunBatch();
  const LoopCells& cells = metrics_.loop(0);
  EXPECT_EQ(Sum(cells.decode_duration).sample_count, 1u);
  EXPECT_EQ(Sum(cells.encode_duration).sample_count, 3u);
  EXPECT_EQ(Sum(cells.write_duration).sample_count, 1u);
}

}  // namespace
}  // namespace adscore::server

// Impressions with more candidates than a batch holds, among small ones.
#include <gtest/gtest.h>

#include "tests/model/tiny_snapshot.h"
#include "tests/server/batcher_fixture.h"

namespace adscore::server {
namespace {

using LargeImpressionsTest = BatcherTest;  // max_batch_rows 16, room for 100 rows

TEST_F(LargeImpressionsTest, IsScoredInSlicesAndAnsweredWhole) {
  FakeJob& large = Enqueue(40);
  for (const size_t left : {24u, 8u}) {
    EXPECT_EQ(batcher_.Decide().kind, BatchDecision::Kind::kRun);
    batcher_.RunBatch();
    EXPECT_EQ(large.ended, 0);
    EXPECT_EQ(admission_.queued_rows(), left);
  }
  batcher_.RunBatch();
  EXPECT_EQ(large.answered_version, 7);
  ExpectNear(ReferenceOf(snapshot_.snapshot(), large.impression()), large.answer);
  EXPECT_TRUE(batcher_.empty());
  EXPECT_EQ(admission_.queued_rows(), 0u);
  EXPECT_EQ(RowsOfVersion7(), 40u);
}

TEST_F(LargeImpressionsTest, IsKeptWholeForTheRequestLog) {
  answered_.SetShare(1);
  FakeJob& large = Enqueue(40);
  while (large.ended == 0) batcher_.RunBatch();
  const std::vector<AnsweredRequest> kept = answered_.Take();
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].impression.rows, 40u);
  EXPECT_EQ(kept[0].probabilities, large.answer);
  ExpectNear(ReferenceOf(snapshot_.snapshot(), kept[0].impression.View()), large.answer);
}

TEST_F(LargeImpressionsTest, SmallOnesHaveTheirTurnBetweenTheSlices) {
  FakeJob& large = Enqueue(40);
  batcher_.RunBatch();
  FakeJob& small = Enqueue(2);
  batcher_.RunBatch();
  EXPECT_EQ(small.ended, 1);
  EXPECT_EQ(large.ended, 0);
  FakeJob& later = Enqueue(16);
  batcher_.RunBatch();
  EXPECT_EQ(later.ended, 1);
  EXPECT_EQ(large.ended, 1) << "small ones must not hold it up for ever either";
  ExpectNear(ReferenceOf(snapshot_.snapshot(), large.impression()), large.answer);
  ExpectNear(ReferenceOf(snapshot_.snapshot(), small.impression()), small.answer);
}

TEST_F(LargeImpressionsTest, TakeTurnsInOrderOfArrival) {
  FakeJob& first = Enqueue(20);
  FakeJob& second = Enqueue(20);
  batcher_.RunBatch();
  batcher_.RunBatch();
  EXPECT_EQ(first.ended, 1);
  EXPECT_EQ(second.ended, 0);
  batcher_.RunBatch();
  batcher_.RunBatch();
  ExpectNear(ReferenceOf(snapshot_.snapshot(), second.impression()), second.answer);
}

TEST_F(LargeImpressionsTest, TheVersionThatScoredTheFirstSliceScoresTheLast) {
  FakeJob& large = Enqueue(40);
  batcher_.RunBatch();
  const model::testing::TinySnapshot newer({.seed = 2});
  Publish(newer, "ads", 8);
  FakeJob& small = Enqueue(1);
  while (!batcher_.empty()) batcher_.RunBatch();
  EXPECT_EQ(small.answered_version, 8);
  EXPECT_EQ(large.answered_version, 7);
  ExpectNear(ReferenceOf(snapshot_.snapshot(), large.impression()), large.answer);
}

TEST_F(LargeImpressionsTest, IsDroppedBetweenTwoSlicesWhenNobodyWaitsForItAnyMore) {
  FakeJob& left = Enqueue(40);
  FakeJob& late = Enqueue(40);
  late.deadline = clock_.Now() + std::chrono::milliseconds(5);
  batcher_.RunBatch();
  left.cancelled = true;
  batcher_.RunBatch();
  EXPECT_EQ(left.refusal, Refusal::kCancelled);
  EXPECT_EQ(admission_.queued_rows(), 40u);
  batcher_.RunBatch();
  clock_.Advance(std::chrono::milliseconds(5));
  batcher_.RunBatch();
  EXPECT_EQ(late.refusal, Refusal::kDeadlineExceeded);
  EXPECT_TRUE(batcher_.empty());
  EXPECT_EQ(admission_.queued_rows(), 0u);
}

TEST_F(LargeImpressionsTest, ABadOneFailsAloneAndTheNextBegins) {
  FakeJob& bad = Enqueue(40);
  bad.decode_refusal = Refusal::kInvalid;
  FakeJob& good = Enqueue(17);
  while (!batcher_.empty()) batcher_.RunBatch();
  EXPECT_EQ(bad.refusal, Refusal::kInvalid);
  ExpectNear(ReferenceOf(snapshot_.snapshot(), good.impression()), good.answer);
  EXPECT_EQ(admission_.queued_rows(), 0u);
}

}  // namespace
}  // namespace adscore::server

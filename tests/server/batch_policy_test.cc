// When a batch runs.
#include "server/serving/batch_policy.h"

#include <gtest/gtest.h>

namespace adscore::server {
namespace {

using std::chrono::microseconds;
using Kind = BatchDecision::Kind;

const Time kArrival{std::chrono::seconds(5)};

TEST(BatchPolicyTest, AnEmptyQueueIsIdle) {
  EXPECT_EQ(DecideBatch(0, kArrival, kArrival + microseconds(100), {}).kind, Kind::kIdle);
}

TEST(BatchPolicyTest, WithoutADelayALoneImpressionWaitsForNobody) {
  EXPECT_EQ(DecideBatch(1, kArrival, kArrival, {}).kind, Kind::kRun);
}

TEST(BatchPolicyTest, WithADelayTheOldestImpressionSaysUntilWhen) {
  const BatchLimits limits{.max_batch_rows = 10, .max_delay = microseconds(300)};
  const BatchDecision early = DecideBatch(9, kArrival, kArrival + microseconds(299), limits);
  EXPECT_EQ(early.kind, Kind::kWait);
  EXPECT_EQ(early.until, kArrival + microseconds(300));
  EXPECT_EQ(DecideBatch(9, kArrival, kArrival + microseconds(300), limits).kind, Kind::kRun);
}

TEST(BatchPolicyTest, AFullBatchRunsBeforeItsDelayIsOver) {
  const BatchLimits limits{.max_batch_rows = 10, .max_delay = microseconds(300)};
  EXPECT_EQ(DecideBatch(10, kArrival, kArrival, limits).kind, Kind::kRun);
}

}  // namespace
}  // namespace adscore::server

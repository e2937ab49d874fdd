#include "client/retry_policy.h"

#include <chrono>

#include "gtest/gtest.h"

namespace adscore::client {
namespace {

using std::chrono::milliseconds;

TEST(RetryPolicy, OnlyWhatMayPassIsRetriable) {
  const struct {
    grpc::Status status;
    bool retriable;
  } cases[] = {
      {{grpc::StatusCode::UNAVAILABLE, "draining"}, true},
      {{grpc::StatusCode::UNAVAILABLE, "failed to connect to all addresses"}, true},
      {{grpc::StatusCode::RESOURCE_EXHAUSTED, "4096 rows are queued"}, true},
      {{grpc::StatusCode::RESOURCE_EXHAUSTED, "Received message larger than max (70000000 vs. 67108864)"},
       false},
      {{grpc::StatusCode::RESOURCE_EXHAUSTED, "Sent message larger than max (70000000 vs. 67108864)"}, false},
      {{grpc::StatusCode::INVALID_ARGUMENT, ""}, false},
      {{grpc::StatusCode::FAILED_PRECONDITION, ""}, false},
      {{grpc::StatusCode::DEADLINE_EXCEEDED, ""}, false},
      {{grpc::StatusCode::CANCELLED, ""}, false},
      {{grpc::StatusCode::INTERNAL, ""}, false},
      {grpc::Status::OK, false},
  };
  for (const auto& test : cases) {
    EXPECT_EQ(IsRetriable(test.status), test.retriable)
        << test.status.error_code() << test.status.error_message();
  }
}

TEST(RetryPolicy, BackoffsDoubleUpToTheCapAndAreDrawnFromAllOfIt) {
  const RetryPolicy policy{.backoff_base = milliseconds(8), .backoff_cap = milliseconds(50)};
  const struct {
    int retry;
    double random;
    milliseconds backoff;
  } cases[] = {
      {1, 0.0, milliseconds(0)},  {1, 0.5, milliseconds(4)},     {1, 1.0, milliseconds(8)},
      {2, 1.0, milliseconds(16)}, {3, 0.25, milliseconds(8)},    {3, 1.0, milliseconds(32)},
      {4, 1.0, milliseconds(50)}, {1000, 0.5, milliseconds(25)}, {2'000'000, 1.0, milliseconds(50)},
  };
  for (const auto& test : cases) {
    EXPECT_EQ(Backoff(policy, test.retry, test.random), test.backoff) << test.retry << " " << test.random;
  }
}

TEST(RetryBudget, AllowsRetriesWhileMoreThanHalfOfItIsThere) {
  RetryBudget budget(10, 0.1);
  for (int i = 0; i < 4; ++i) budget.Take();
  EXPECT_TRUE(budget.AllowsRetry());  // 6
  budget.Take();
  EXPECT_FALSE(budget.AllowsRetry());  // 5
  budget.Refill();
  EXPECT_TRUE(budget.AllowsRetry());  // 5.1
}

TEST(RetryBudget, IsNeverLessThanEmptyNorMoreThanFull) {
  RetryBudget budget(10, 0.5);
  for (int i = 0; i < 100; ++i) budget.Take();
  for (int i = 0; i < 10; ++i) budget.Refill();
  EXPECT_FALSE(budget.AllowsRetry());  // 5
  budget.Refill();
  EXPECT_TRUE(budget.AllowsRetry());  // 5.5
  for (int i = 0; i < 100; ++i) budget.Refill();
  for (int i = 0; i < 5; ++i) budget.Take();
  EXPECT_FALSE(budget.AllowsRetry());  // 5
}

TEST(RetryBudget, OfNothingAllowsNothing) {
  RetryBudget budget(0, 0.1);
  EXPECT_FALSE(budget.AllowsRetry());
  budget.Refill();
  EXPECT_FALSE(budget.AllowsRetry());
}

}  // namespace
}  // namespace adscore::client

// When a failed call is tried again, and when not: the rules, without a network and without a clock.
//
// Thread-safe: pure functions, and a budget that threads share.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "grpcpp/support/status.h"

namespace adscore::client {

struct RetryPolicy {
  // Attempts of one call in all, hedges included; 1: neither retries nor hedges.
  int max_attempts = 4;

  // The n-th retry waits a random time between nothing and backoff_base × 2^(n-1), but no more than
  // backoff_cap: callers that failed together don't come back together.
  std::chrono::milliseconds backoff_base{5};
  std::chrono::milliseconds backoff_cap{100};

  // All calls of a client draw on one budget, so that retries can't bury servers that are down already: a
  // failure takes a token, a success gives back `budget_refill` of one, and while no more than half of
  // `budget_tokens` are there, nothing is retried. In the long run retries are then at most that fraction of
  // the calls.
  double budget_tokens = 100;
  double budget_refill = 0.1;

  // An attempt without an answer after this long gets a second one beside it, once per call; the first answer
  // counts. Takes a token of the budget. Something like the p95 of the answers: a hedge helps against one
  // slow replica among several, and is only more load on a single one.
  std::optional<std::chrono::microseconds> hedge_after{};
};

// UNAVAILABLE and RESOURCE_EXHAUSTED, but for a message that is too large: it stays so.
bool IsRetriable(const grpc::Status& status);

// How long the `retry`-th retry (from 1) waits; `random` is uniform in [0, 1).
std::chrono::nanoseconds Backoff(const RetryPolicy& policy, int retry, double random);

// The token bucket of RetryPolicy.
class RetryBudget {
 public:
  RetryBudget(double tokens, double refill);

  void Take();    // a failure, or a hedge
  void Refill();  // a success
  bool AllowsRetry() const { return thousandths_.load(std::memory_order_relaxed) * 2 > most_; }

 private:
  void Add(int64_t thousandths);

  const int64_t most_;    // thousandths of a token
  const int64_t refill_;  // the same
  std::atomic<int64_t> thousandths_;
};

}  // namespace adscore::client

#include "client/retry_policy.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/match.h"

namespace adscore::client {
namespace {

constexpr int64_t kToken = 1000;

int64_t Thousandths(double tokens) { return std::llround(tokens * static_cast<double>(kToken)); }

}  // namespace

bool IsRetriable(const grpc::Status& status) {
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE) return true;
  // gRPC's own words, at either end.
  return status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED &&
         !absl::StrContains(status.error_message(), "message larger than max");
}

std::chrono::nanoseconds Backoff(const RetryPolicy& policy, int retry, double random) {
  using Nanoseconds = std::chrono::duration<double, std::nano>;
  const Nanoseconds grown = Nanoseconds(policy.backoff_base) * std::exp2(retry - 1);
  const Nanoseconds most = std::min(grown, Nanoseconds(policy.backoff_cap));
  return std::chrono::duration_cast<std::chrono::nanoseconds>(most * random);
}

RetryBudget::RetryBudget(double tokens, double refill)
    : most_(Thousandths(tokens)), refill_(Thousandths(refill)), thousandths_(most_) {}

void RetryBudget::Take() { Add(-kToken); }

void RetryBudget::Refill() { Add(refill_); }

void RetryBudget::Add(int64_t thousandths) {
  int64_t before = thousandths_.load(std::memory_order_relaxed);
  int64_t after = 0;
  do {
    after = std::clamp<int64_t>(before + thousandths, 0, most_);
    if (after == before) return;  // as a rule full: nothing is written that threads share
  } while (!thousandths_.compare_exchange_weak(before, after, std::memory_order_relaxed));
}

}  // namespace adscore::client

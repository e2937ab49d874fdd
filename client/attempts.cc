#include "client/attempts.h"

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"

namespace adscore::client {
namespace {

using Time = Attempts::Time;

constexpr int64_t kLongestPushback = 86'400'000;  // beyond any deadline, and far from overflow

Time Now() { return std::chrono::system_clock::now(); }

double Random() {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<double>()(generator);
}

// What the server asks for with a failure: this long without a retry; below 0, none at all. Nothing if it
// does not say.
std::optional<std::chrono::milliseconds> Pushback(const grpc::ClientContext& context) {
  const auto& metadata = context.GetServerTrailingMetadata();
  const auto found = metadata.find("grpc-retry-pushback-ms");
  if (found == metadata.end()) return std::nullopt;
  int64_t milliseconds = 0;
  if (!absl::SimpleAtoi(std::string(found->second.data(), found->second.size()), &milliseconds)) {
    milliseconds = -1;
  }
  return std::chrono::milliseconds(std::min(milliseconds, kLongestPushback));
}

// One call.
class OneCall {
 public:
  OneCall(const RetryPolicy& policy, bool wait_for_ready, RetryBudget* budget, Time deadline,
          absl::FunctionRef<std::unique_ptr<Attempt>()> make)
      : policy_(policy), wait_for_ready_(wait_for_ready), budget_(budget), deadline_(deadline), make_(make) {}

  std::unique_ptr<Attempt> Finish() {
    Start();
    std::unique_ptr<Attempt> last;
    while (last == nullptr) {
      void* tag = nullptr;
      bool ok = false;
      if (queue_.AsyncNext(&tag, &ok, running_.empty() ? retry_at_ : hedge_at_) ==
          grpc::CompletionQueue::TIMEOUT) {
        if (running_.empty()) {
          Start();
        } else {
          Hedge();
        }
        continue;
      }
      last = Take(static_cast<Attempt*>(tag));
      if (!MayGoOn(*last)) break;
      last = nullptr;
    }
    for (const std::unique_ptr<Attempt>& attempt : running_) attempt->context.TryCancel();
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
    return last;
  }

 private:
  void Start() {
    running_.push_back(make_());
    Attempt& attempt = *running_.back();
    attempt.context.set_deadline(deadline_);
    attempt.context.set_wait_for_ready(wait_for_ready_);
    attempt.Start(&queue_);
    ++started_;
    hedge_at_ = policy_.hedge_after && !hedged_ ? Now() + *policy_.hedge_after : Time::max();
  }

  void Hedge() {
    hedged_ = true;
    hedge_at_ = Time::max();
    if (started_ >= policy_.max_attempts || !budget_->AllowsRetry()) return;
    budget_->Take();
    Start();
  }

  std::unique_ptr<Attempt> Take(Attempt* ended) {
    for (auto attempt = running_.begin();; ++attempt) {
      if (attempt->get() != ended) continue;
      std::unique_ptr<Attempt> taken = std::move(*attempt);
      running_.erase(attempt);
      return taken;
    }
  }

  // True if the call has another attempt, running or to come; then at retry_at_.
  bool MayGoOn(const Attempt& ended) {
    if (ended.status.ok()) {
      budget_->Refill();
      return false;
    }
    if (!IsRetriable(ended.status)) return false;
    budget_->Take();
    if (!running_.empty()) return true;
    const std::optional<std::chrono::milliseconds> pushback = Pushback(ended.context);
    const bool refused = pushback && pushback->count() < 0;
    if (refused || started_ >= policy_.max_attempts || !budget_->AllowsRetry()) return false;
    const std::chrono::nanoseconds wait =
        pushback.value_or(std::chrono::milliseconds(0)) + Backoff(policy_, ++retries_, Random());
    if (wait >= deadline_ - Now()) return false;
    retry_at_ = Now() + wait;
    return true;
  }

  const RetryPolicy& policy_;
  const bool wait_for_ready_;
  RetryBudget* const budget_;
  const Time deadline_;
  const absl::FunctionRef<std::unique_ptr<Attempt>()> make_;

  grpc::CompletionQueue queue_;
  std::vector<std::unique_ptr<Attempt>> running_;
  int started_ = 0;
  int retries_ = 0;
  bool hedged_ = false;
  Time hedge_at_ = Time::max();
  Time retry_at_ = Time::max();  // if none is running
};

}  // namespace

std::unique_ptr<Attempt> Attempts::Run(Time deadline, absl::FunctionRef<std::unique_ptr<Attempt>()> make) {
  return OneCall(policy_, wait_for_ready_, &budget_, deadline, make).Finish();
}

}  // namespace adscore::client

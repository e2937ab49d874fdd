// A unary call as the caller sees it: one or more attempts within one deadline, by the rules of
// retry_policy.h. The calling thread drives them over a completion queue of its own.
//
// Thread-safe: calls share nothing but the retry budget.
#pragma once

#include <chrono>
#include <memory>
#include <utility>

#include "absl/functional/function_ref.h"
#include "client/retry_policy.h"
#include "grpcpp/client_context.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/support/async_unary_call.h"

namespace adscore::client {

// One attempt at a call.
class Attempt {
 public:
  virtual ~Attempt() = default;
  virtual void Start(grpc::CompletionQueue* queue) = 0;  // its event has the attempt for its tag

  grpc::ClientContext context;
  grpc::Status status;  // meaningful once it has ended
};

class Attempts {
 public:
  using Time = std::chrono::system_clock::time_point;  // what gRPC takes deadlines in

  // wait_for_ready: wait for a connection, until the deadline, instead of failing with UNAVAILABLE as soon as
  // none can be made.
  Attempts(const RetryPolicy& policy, bool wait_for_ready)
      : policy_(policy),
        wait_for_ready_(wait_for_ready),
        budget_(policy.budget_tokens, policy.budget_refill) {}

  // Runs a call; `begin(context, queue)` is a stub's Async method bound to the request. Writes the response
  // of the attempt that was answered. The status is that of the last attempt.
  template <typename Response, typename Begin>
  grpc::Status Call(Time deadline, const Begin& begin, Response* response) {
    const std::unique_ptr<Attempt> last =
        Run(deadline, [&] { return std::make_unique<Unary<Response, Begin>>(begin); });
    if (last->status.ok()) *response = std::move(static_cast<Unary<Response, Begin>*>(last.get())->response);
    return last->status;
  }

 private:
  template <typename Response, typename Begin>
  struct Unary final : Attempt {
    explicit Unary(const Begin& begin) : begin_(begin) {}
    void Start(grpc::CompletionQueue* queue) override {
      reader_ = begin_(&context, queue);
      reader_->Finish(&response, &status, static_cast<Attempt*>(this));
    }
    const Begin& begin_;
    std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader_;
    Response response;
  };

  std::unique_ptr<Attempt> Run(Time deadline, absl::FunctionRef<std::unique_ptr<Attempt>()> make);

  const RetryPolicy policy_;
  const bool wait_for_ready_;
  RetryBudget budget_;
};

}  // namespace adscore::client

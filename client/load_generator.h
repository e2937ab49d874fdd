// Load on a server, and what came back: open loop, where requests fall due at random times whether or not
// earlier ones have been answered, as impressions do; or closed loop, where each answer lets the next request
// go. Nothing is ever retried: what fails is counted.
//
// Thread-safe: RunLoad makes its own threads and connections and joins them.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "client/client.h"
#include "client/latency_histogram.h"

namespace adscore::client {

struct LoadOptions {
  std::string target;
  TlsOptions tls{};                          // see ClientOptions
  std::chrono::milliseconds deadline{1000};  // of each request
  double rate = 0;                           // open loop: requests per second in all; 0: closed loop
  size_t concurrency = 1;                    // closed loop: requests in flight in all
  size_t connections = 1;                    // each has its own threads and an equal share of the load
  bool stream = false;                       // one PredictStream per connection instead of unary calls
  double warmup_seconds = 0.5;               // load before the measured time; nothing of it is counted
  double seconds = 10;                       // measured time; with `once`, no longer than this
  bool once = false;                         // ends when each request has been sent and answered
  uint64_t seed = 1;                         // of the times at which requests fall due
  // What each request must be answered with, by the same version; empty: anything will do.
  std::span<const v1::PredictResponse> expected;
};

// Requests to send in turn that are made up or read of impressions: enough that a server does not see the
// same few over and over, few enough to stay out of the way of its caches on a machine that both share.
inline constexpr size_t kMostDifferentRequests = 2048;
// What RunLoad takes.
inline constexpr size_t kMostRequests = 1 << 20;

struct LoadErrors {
  uint64_t count = 0;
  std::string first_message;
};

// Of the requests that fell due (open loop) or were started (closed loop) within the measured time.
struct LoadResult {
  uint64_t due = 0;  // open loop: how many fell due. What exceeds `requests` could not be sent before the end
  uint64_t requests = 0;  // sent, and answered or failed
  uint64_t rows = 0;      // candidates scored
  uint64_t in_time =
      0;  // answered no later than 0.1 s and 2 % of the run after its end (with `once`: after they were due)
  double seconds = 0;  // from the beginning of the measured time to its end or the last answer, what is later
  uint64_t compared = 0;          // answers of the version that was expected
  uint64_t wrong = 0;             // those of them that were not what was expected, bit for bit
  double largest_difference = 0;  // of a probability in them to the expected one
  std::map<absl::StatusCode, LoadErrors> errors;
  std::map<int64_t, uint64_t> versions;  // version → answers
  LatencyHistogram latency;              // of answers, from when the request was due or started
  LatencyHistogram send_lag;             // open loop: from when a request was due to when it was sent

  uint64_t ErrorCount() const;
  uint64_t Answers() const { return requests - ErrorCount(); }
  // Open loop: 99 % of the requests that fell due were answered, without error and without a growing queue.
  bool RateHeld() const;
};

// So far, warm-up included.
struct LoadProgress {
  double seconds = 0;
  uint64_t answers = 0;
  uint64_t errors = 0;
};

// Sends `requests`, at most kMostRequests, in turn, over and over or once, and waits for the last answer.
// Asks `go_on` five times a second; when it says no, the measured time ends there. An error only if the
// target makes no sense; a server that does not answer shows up in LoadResult::errors.
absl::StatusOr<LoadResult> RunLoad(const LoadOptions& options, std::span<const v1::PredictRequest> requests,
                                   absl::FunctionRef<bool(const LoadProgress&)> go_on);

}  // namespace adscore::client

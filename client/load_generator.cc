#include "client/load_generator.h"

#include <sys/prctl.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/answer_check.h"
#include "client/errors.h"
#include "client/predict_pipeline.h"
#include "client/stream_pipeline.h"

namespace adscore::client {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Requests of one connection that may be in flight in open loop. A server that is slower than the rate is
// asked no more than this at once; what waits here is late, and its latency says so.
constexpr size_t kMostInFlight = 8192;

int64_t Nanoseconds(double seconds) { return static_cast<int64_t>(seconds * 1e9); }

// The times of one run, in nanoseconds since its start. Thread-safe.
class Timetable {
 public:
  explicit Timetable(const LoadOptions& options)
      : start_(SteadyClock::now()),
        once_(options.once),
        begin_(Nanoseconds(options.warmup_seconds)),
        grace_(Nanoseconds(0.1 + 0.02 * options.seconds)),
        end_(begin_ + Nanoseconds(options.seconds)) {}

  int64_t Now() const {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(SteadyClock::now() - start_).count();
  }
  int64_t begin() const { return begin_; }  // of the measured time
  int64_t end() const { return end_.load(std::memory_order_relaxed); }
  // Whether an answer that came at `now` held the rate. A run that ends when all is sent has no end that
  // answers could be late for: they must not fall behind.
  bool InTime(int64_t due, int64_t now) const {
    return once_ ? now < due + kShortGrace + due / 50 : now < end() + grace_;
  }
  bool Measured(int64_t due) const { return due >= begin_ && due < end(); }

  void EndNow() { end_.store(std::min(Now(), end()), std::memory_order_relaxed); }

  // Sleeps until `due`, or until the end if that comes first; returns the time then.
  int64_t SleepUntil(int64_t due) const {
    int64_t now = Now();
    for (; now < due && now < end(); now = Now()) {
      const int64_t wake = std::min(due, now + kLongestSleep);  // the end may come closer meanwhile
      std::this_thread::sleep_until(start_ + std::chrono::nanoseconds(wake));
    }
    return now;
  }

 private:
  static constexpr int64_t kLongestSleep = 100'000'000;
  static constexpr int64_t kShortGrace = 100'000'000;

  const SteadyClock::time_point start_;
  const bool once_;
  const int64_t begin_;
  const int64_t grace_;
  std::atomic<int64_t> end_;
};

// What a request's id carries: when it was due, and which of the requests it is. Times are whole multiples of
// kUnit nanoseconds, so that 64 bits hold all that may be.
struct Ticket {
  static constexpr int64_t kUnit = 64;

  int64_t due;
  size_t request;

  static int64_t Whole(int64_t time) { return time / kUnit * kUnit; }
  uint64_t Id() const { return static_cast<uint64_t>(due / kUnit) * kMostRequests + request; }
  static Ticket Of(uint64_t id) {
    return {.due = static_cast<int64_t>(id / kMostRequests) * kUnit, .request = id % kMostRequests};
  }
};

// What all connections share.
struct Counters {
  std::atomic<size_t> next_request{0};
  std::atomic<uint64_t> answers{0};
  std::atomic<uint64_t> errors{0};
};

// One connection: sends its share of the load and counts what comes back.
class Worker {
 public:
  Worker(const LoadOptions& options, const Timetable& times, std::span<const v1::PredictRequest> requests,
         Client* client, Counters* counters)
      : options_(options), times_(times), requests_(requests), client_(client), counters_(counters) {}

  void RunClosed(size_t concurrency) {
    const std::unique_ptr<Pipeline> pipeline = MakePipeline(concurrency);
    size_t in_flight = 0;
    while (in_flight < concurrency && StartNext(times_.Now(), pipeline.get())) ++in_flight;
    while (in_flight > 0 && pipeline->Next([this](const Pipeline::Answer& answer) { Count(answer); })) {
      const int64_t now = times_.Now();
      if (now >= times_.end() || !StartNext(now, pipeline.get())) --in_flight;
    }
  }

  void RunOpen(double rate, uint64_t seed) {
    const std::unique_ptr<Pipeline> pipeline = MakePipeline(kMostInFlight);
    std::thread sender([&] { SendWhenDue(rate, seed, pipeline.get()); });
    while (pipeline->Next([this](const Pipeline::Answer& answer) { Count(answer); })) {
    }
    sender.join();
  }

  // After the run.
  void AddTo(LoadResult* total) const {
    total->due += result_.due;
    total->requests += result_.requests;
    total->rows += result_.rows;
    total->in_time += result_.in_time;
    total->compared += result_.compared;
    total->wrong += result_.wrong;
    total->largest_difference = std::max(total->largest_difference, result_.largest_difference);
    const int64_t until = options_.once ? last_answer_ : std::max(last_answer_, times_.end());
    total->seconds = std::max(total->seconds, static_cast<double>(until - times_.begin()) / 1e9);
    for (const auto& [code, errors] : result_.errors) {
      LoadErrors& sum = total->errors[code];
      if (sum.count == 0) sum.first_message = errors.first_message;
      sum.count += errors.count;
    }
    for (const auto& [version, answers] : result_.versions) total->versions[version] += answers;
    total->latency.Add(result_.latency);
    total->send_lag.Add(result_.send_lag);
  }

 private:
  std::unique_ptr<Pipeline> MakePipeline(size_t capacity) {
    if (options_.stream) return std::make_unique<StreamPipeline>(client_, capacity);
    return std::make_unique<PredictPipeline>(client_, capacity);
  }

  // False if every request has been sent and that is enough.
  bool StartNext(int64_t due, Pipeline* pipeline) {
    size_t next = counters_->next_request.fetch_add(1, std::memory_order_relaxed);
    if (options_.once && next >= requests_.size()) return false;
    next %= requests_.size();
    pipeline->Start(Ticket{.due = Ticket::Whole(due), .request = next}.Id(), requests_[next]);
    return true;
  }

  // Poisson arrivals: independent exponential gaps.
  void SendWhenDue(double rate, uint64_t seed, Pipeline* pipeline) {
    prctl(PR_SET_TIMERSLACK, 1);  // nanoseconds; the default of 50 µs would be measured as latency
    std::mt19937_64 random(seed);
    std::exponential_distribution<double> gap(rate);
    double due_seconds = 0;
    for (;;) {
      due_seconds += gap(random);
      const int64_t due = Ticket::Whole(Nanoseconds(due_seconds));
      const int64_t now = times_.SleepUntil(due);
      if (due >= times_.end()) break;
      // Too late: what is left of the warm-up must not eat into the measured time, nor that go on for longer.
      const bool is_too_late = now >= (due < times_.begin() ? times_.begin() : times_.end());
      if (!is_too_late && !StartNext(due, pipeline)) break;
      if (!times_.Measured(due)) continue;
      ++result_.due;
      if (!is_too_late) result_.send_lag.Record(times_.Now() - due);
    }
    pipeline->Close();
  }

  void Count(const Pipeline::Answer& answer) {
    const int64_t now = times_.Now();
    const auto [due, request] = Ticket::Of(answer.id);
    (answer.status.ok() ? counters_->answers : counters_->errors).fetch_add(1, std::memory_order_relaxed);
    if (!times_.Measured(due)) return;
    ++result_.requests;
    last_answer_ = now;
    if (!answer.status.ok()) {
      LoadErrors& errors = result_.errors[static_cast<absl::StatusCode>(answer.status.error_code())];
      if (errors.count++ == 0) {
        errors.first_message =
            std::string(FromGrpc(answer.status, options_.target, options_.deadline).message());
      }
      return;
    }
    if (!options_.expected.empty()) Compare(options_.expected[request], answer.response);
    result_.latency.Record(now - due);
    if (times_.InTime(due, now)) ++result_.in_time;
    if (answer.response.heads_size() > 0) {
      result_.rows += static_cast<uint64_t>(answer.response.heads(0).probability_size());
    }
    ++result_.versions[answer.response.version()];
  }

  void Compare(const v1::PredictResponse& expected, const v1::PredictResponse& answer) {
    const std::optional<Difference> difference = FindDifference(expected, answer);
    if (!difference.has_value()) return;
    ++result_.compared;
    if (difference->differs) ++result_.wrong;
    result_.largest_difference = std::max(result_.largest_difference, difference->largest);
  }

  const LoadOptions& options_;
  const Timetable& times_;
  const std::span<const v1::PredictRequest> requests_;
  Client* const client_;
  Counters* const counters_;
  int64_t last_answer_ = 0;
  LoadResult result_;  // `due` and `send_lag` belong to the sender while it runs, the rest to the receiver
};

}  // namespace

uint64_t LoadResult::ErrorCount() const {
  uint64_t sum = 0;
  for (const auto& [code, of_code] : errors) sum += of_code.count;
  return sum;
}

bool LoadResult::RateHeld() const { return static_cast<double>(in_time) >= 0.99 * static_cast<double>(due); }

absl::StatusOr<LoadResult> RunLoad(const LoadOptions& options, std::span<const v1::PredictRequest> requests,
                                   absl::FunctionRef<bool(const LoadProgress&)> go_on) {
  if (requests.empty() || requests.size() > kMostRequests) {
    return absl::InvalidArgumentError(
        absl::StrCat(requests.size(), " requests to send; 1 to ", kMostRequests, " can be"));
  }
  const bool open = options.rate > 0;
  const size_t connections = open ? options.connections : std::min(options.connections, options.concurrency);
  std::vector<std::unique_ptr<Client>> clients;
  for (size_t i = 0; i < connections; ++i) {
    absl::StatusOr<std::unique_ptr<Client>> client =
        Client::Connect(options.target, {.deadline = options.deadline, .tls = options.tls});
    if (!client.ok()) return client.status();
    clients.push_back(*std::move(client));
  }

  Timetable times(options);
  Counters counters;
  std::mutex mutex;
  std::condition_variable finished;
  size_t running = connections;  // guarded by mutex
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < connections; ++i) {
    workers.push_back(std::make_unique<Worker>(options, times, requests, clients[i].get(), &counters));
    threads.emplace_back([&, i, worker = workers.back().get()] {
      if (open) {
        worker->RunOpen(options.rate / static_cast<double>(connections), options.seed + i);
      } else {
        worker->RunClosed(options.concurrency / connections +
                          (i < options.concurrency % connections ? 1 : 0));
      }
      std::lock_guard lock(mutex);
      --running;
      finished.notify_one();
    });
  }
  {
    std::unique_lock lock(mutex);
    while (!finished.wait_for(lock, std::chrono::milliseconds(200), [&] { return running == 0; })) {
      if (!go_on({.seconds = static_cast<double>(times.Now()) / 1e9,
                  .answers = counters.answers.load(std::memory_order_relaxed),
                  .errors = counters.errors.load(std::memory_order_relaxed)})) {
        times.EndNow();
      }
    }
  }
  for (std::thread& thread : threads) thread.join();

  LoadResult total;
  for (const std::unique_ptr<Worker>& worker : workers) worker->AddTo(&total);
  return total;
}

}  // namespace adscore::client

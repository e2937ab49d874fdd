// A sample of the requests that were answered, on their way to whoever writes them down: copies that wait for
// a thread that may take its time. A serving loop never waits for that thread: what finds no room is dropped
// and counted.
//
// Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "model/raw_columns.h"
#include "server/metrics/request_log_counts.h"
#include "server/registry.h"
#include "server/traffic_sample.h"

namespace adscore::server {

struct AnsweredRequest {
  std::chrono::system_clock::time_point time;
  std::string model;
  int64_t version = 0;
  uint64_t schema_fingerprint = 0;
  SampledImpression impression;      // all of its candidates
  std::vector<std::string> heads;    // their names
  std::vector<float> probabilities;  // [rows][heads]
  size_t bytes = 0;                  // of features and probabilities
};

class AnsweredRequests {
 public:
  // Of features and probabilities that wait at a time, in bytes.
  static constexpr size_t kMostWaitingBytes = 16 << 20;

  // `share`: of the requests that are kept, 0 to 1. `most_bytes`: features and probabilities of a request
  // that is kept have no more.
  AnsweredRequests(double share, size_t most_bytes) : share_(share), most_bytes_(most_bytes) {}

  double share() const { return share_.load(std::memory_order_relaxed); }
  void SetShare(double share) { share_.store(share, std::memory_order_relaxed); }

  // For the loops, with a request that share() has chosen: keeps a copy, or drops it. `impression`: all
  // candidates that were scored, whatever slice it shows. probabilities: [rows][heads] of `served`.
  void Offer(const ServedModel& served, const model::Impression& impression,
             std::span<const float> probabilities);

  // What waits, in the order in which it was answered.
  std::vector<AnsweredRequest> Take();

  uint64_t dropped(LogDrop reason) const {
    return dropped_[static_cast<size_t>(reason)].load(std::memory_order_relaxed);
  }
  void CountDropped(LogDrop reason, uint64_t requests) {
    dropped_[static_cast<size_t>(reason)].fetch_add(requests, std::memory_order_relaxed);
  }

 private:
  std::atomic<double> share_;  // read for every request
  const size_t most_bytes_;
  std::array<std::atomic<uint64_t>, kLogDrops> dropped_{};

  // Apart from share_, whose cache line the loops read. Held for as long as it takes to move a record.
  alignas(64) std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<AnsweredRequest> waiting_;
  size_t waiting_bytes_ = 0;
};

}  // namespace adscore::server

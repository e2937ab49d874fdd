// The one door to all queues: counts the rows that wait and turns away what would wait too long, or whatever
// comes while the server drains.
//
// Thread-safe: shared by the serving loops without a lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "server/refusal.h"

namespace adscore::server {

class Admission {
 public:
  explicit Admission(size_t max_queued_rows) : max_queued_rows_(max_queued_rows) {}

  // Counts `rows` as queued, or says why not. kInvalid: so many rows would never fit, however empty the
  // queue.
  std::optional<Refusal> Admit(size_t rows);

  // `rows` that were admitted have left the queue.
  void Release(size_t rows) { queued_rows_.fetch_sub(rows, std::memory_order_relaxed); }

  // From now on whoever asks about health is told to go elsewhere, and everything is still admitted.
  void StartLeaving() { leaving_.store(true, std::memory_order_relaxed); }
  // From now on everything is refused with kDraining. What was admitted before is still answered.
  void StartDraining() {
    StartLeaving();
    draining_.store(true, std::memory_order_relaxed);
  }

  bool leaving() const { return leaving_.load(std::memory_order_relaxed); }
  bool draining() const { return draining_.load(std::memory_order_relaxed); }
  // How often draining was the answer.
  uint64_t turned_away() const { return turned_away_.load(std::memory_order_relaxed); }
  size_t queued_rows() const { return queued_rows_.load(std::memory_order_relaxed); }
  size_t max_queued_rows() const { return max_queued_rows_; }

 private:
  const size_t max_queued_rows_;
  std::atomic<size_t> queued_rows_{0};
  std::atomic<bool> leaving_{false};
  std::atomic<bool> draining_{false};
  std::atomic<uint64_t> turned_away_{0};
};

}  // namespace adscore::server

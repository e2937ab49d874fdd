#include "trainer/workers.h"

#include <hwy/cache_control.h>

#include <algorithm>

namespace adscore::trainer {
namespace {

// A batch is several tasks of some hundred microseconds each. To be woken takes about as long as one of
// them, so whoever waits keeps looking for a while before it goes to sleep: some 100 us on Intel's
// processors, less where a pause is shorter.
constexpr int kLooks = 2000;

void WaitWhile(const std::atomic<uint32_t>& value, uint32_t old) {
  for (int look = 0; look < kLooks; ++look) {
    if (value.load(std::memory_order_acquire) != old) return;
    hwy::Pause();
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

Workers::Workers(size_t count) : count_(std::max<size_t>(count, 1)), shares_(count_) {
  for (size_t worker = 1; worker < count_; ++worker) {
    threads_.emplace_back([this, worker] { Work(worker); });
  }
}

Workers::~Workers() {
  Begin(nullptr);
  for (std::thread& thread : threads_) thread.join();
}

void Workers::Begin(const std::function<void(size_t)>* task) {
  task_ = task;
  busy_.store(static_cast<uint32_t>(threads_.size()), std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
}

void Workers::Work(size_t worker) {
  for (uint32_t rounds = 0;; ++rounds) {
    WaitWhile(round_, rounds);
    if (task_ == nullptr) return;
    (*task_)(worker);
    if (busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) busy_.notify_one();
  }
}

void Workers::Run(const std::function<void(size_t worker)>& task) {
  Begin(&task);
  task(0);
  for (uint32_t busy; (busy = busy_.load(std::memory_order_acquire)) > 0;) WaitWhile(busy_, busy);
}

void Workers::RunEach(size_t items, const std::function<void(size_t worker, size_t item)>& task) {
  for (size_t worker = 0; worker < count_; ++worker) {
    const auto [first, last] = Share(worker, items);
    shares_[worker].next = first;
    shares_[worker].last = last;
  }
  Run([&](size_t worker) {
    for (size_t i = 0; i < count_; ++i) {
      Items& share = shares_[(worker + i) % count_];
      for (size_t item = share.next++; item < share.last; item = share.next++) task(worker, item);
    }
  });
}

std::pair<size_t, size_t> Workers::Share(size_t worker, size_t items, size_t grain) const {
  const size_t grains = (items + grain - 1) / grain;
  const size_t first = grains * worker / count_ * grain;
  const size_t last = grains * (worker + 1) / count_ * grain;
  return {std::min(first, items), std::min(last, items)};
}

}  // namespace adscore::trainer

#include "trainer/workers.h"

#include <algorithm>
#include <atomic>

namespace adscore::trainer {

Workers::Workers(size_t count)
    : count_(std::max<size_t>(count, 1)),
      start_(static_cast<std::ptrdiff_t>(count_)),
      done_(static_cast<std::ptrdiff_t>(count_)) {
  for (size_t worker = 1; worker < count_; ++worker) {
    threads_.emplace_back([this, worker] {
      while (true) {
        start_.arrive_and_wait();
        if (task_ == nullptr) return;
        (*task_)(worker);
        done_.arrive_and_wait();
      }
    });
  }
}

Workers::~Workers() {
  task_ = nullptr;
  start_.arrive_and_wait();
  for (std::thread& thread : threads_) thread.join();
}

void Workers::Run(const std::function<void(size_t worker)>& task) {
  task_ = &task;
  start_.arrive_and_wait();
  task(0);
  done_.arrive_and_wait();
}

void Workers::RunEach(size_t items, const std::function<void(size_t item)>& task) {
  std::atomic<size_t> next{0};
  Run([&](size_t /*worker*/) {
    for (size_t item = next++; item < items; item = next++) task(item);
  });
}

std::pair<size_t, size_t> Workers::Share(size_t worker, size_t items, size_t grain) const {
  const size_t grains = (items + grain - 1) / grain;
  const size_t first = grains * worker / count_ * grain;
  const size_t last = grains * (worker + 1) / count_ * grain;
  return {std::min(first, items), std::min(last, items)};
}

}  // namespace adscore::trainer

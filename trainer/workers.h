// A fixed crew of threads that all do one task at a time. Nothing that is computed with it depends on how
// many they are: a task splits its output among the workers, and a sum only where it is split in any case.
//
// Not thread-safe: Run is called by the thread that made the object.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

namespace adscore::trainer {

class Workers {
 public:
  // `count` workers, at least 1; the calling thread is worker 0.
  explicit Workers(size_t count);
  ~Workers();

  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  size_t count() const { return count_; }

  // Calls task(0) … task(count - 1), each on a thread of its own, and returns when all are done.
  void Run(const std::function<void(size_t worker)>& task);

  // Calls task(worker, 0) … task(worker, items - 1), for items that take unlike long. Each worker begins with
  // its share of them, in order, and then takes over what others have not begun: so that what has as many
  // items at one task and the next is mostly in the cache of who works on it.
  void RunEach(size_t items, const std::function<void(size_t worker, size_t item)>& task);

  // The worker's share of `items` as [first, last): consecutive, alike in size and in whole multiples of
  // `grain`.
  std::pair<size_t, size_t> Share(size_t worker, size_t items, size_t grain = 1) const;

 private:
  // Items that are not begun, on a cache line of their own.
  struct alignas(64) Items {
    std::atomic<size_t> next{0};
    size_t last = 0;
  };

  void Begin(const std::function<void(size_t)>* task);
  void Work(size_t worker);

  const size_t count_;
  // Written before round_, read after it; null: go home.
  const std::function<void(size_t)>* task_ = nullptr;
  // Each on a cache line of its own, since who waits keeps reading it.
  alignas(64) std::atomic<uint32_t> round_{0};  // tasks that were begun
  alignas(64) std::atomic<uint32_t> busy_{0};   // threads that have not finished the last one
  std::vector<Items> shares_;                   // of RunEach
  std::vector<std::thread> threads_;
};

}  // namespace adscore::trainer

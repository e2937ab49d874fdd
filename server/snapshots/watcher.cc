#include "server/snapshots/watcher.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/snapshots/low_priority.h"

namespace adscore::server {

Watcher::Watcher(ModelLives* lives, std::chrono::milliseconds interval, std::function<void()> on_change)
    : lives_(lives), interval_(interval), on_change_(std::move(on_change)), thread_([this] { Run(); }) {}

Watcher::~Watcher() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  directories_.Wake();
  thread_.join();
  for (const auto& [life, worker] : workers_) worker->thread.join();
}

void Watcher::WaitForFirstLooks() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] {
    return has_found_ && std::all_of(workers_.begin(), workers_.end(),
                                     [](const auto& worker) { return worker.second->has_looked; });
  });
}

void Watcher::Run() {
  LowerPriorityOfThisThread();
  const std::string root = lives_->model_root();
  std::set<std::string> heard;
  Time all_due = Time::min();
  for (;;) {
    const Time now = std::chrono::steady_clock::now();
    const bool are_all_due = now >= all_due || heard.contains(root);
    if (now >= all_due) all_due = now + interval_;
    directories_.Watch(root);
    for (ModelLife* life : lives_->Find()) {
      const std::string directory = root + "/" + life->name();
      directories_.Watch(directory);  // before the look, so that nothing is missed
      const std::lock_guard lock(mutex_);
      std::unique_ptr<Worker>& worker = workers_[life];
      if (worker == nullptr) {
        worker = std::make_unique<Worker>();
        worker->is_due = true;
        worker->thread = std::thread([this, life, raw = worker.get()] { RunWorker(life, raw); });
      }
      worker->is_due |= are_all_due || heard.contains(directory);
    }
    {
      const std::lock_guard lock(mutex_);
      has_found_ = true;
      if (stop_) return;
    }
    changed_.notify_all();
    heard = directories_.Wait(std::chrono::ceil<std::chrono::milliseconds>(all_due - now));
  }
}

void Watcher::RunWorker(ModelLife* life, Worker* worker) {
  LowerPriorityOfThisThread();
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stop_ || worker->is_due; });
      if (stop_) return;
      worker->is_due = false;
    }
    if (life->Look()) on_change_();
    {
      const std::lock_guard lock(mutex_);
      worker->has_looked = true;
    }
    changed_.notify_all();
  }
}

}  // namespace adscore::server

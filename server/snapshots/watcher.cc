#include "server/snapshots/watcher.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

namespace adscore::server {
namespace {

// Linux: both apply to the calling thread. A refusal is no reason not to serve, so results are not looked at.
void LowerPriorityOfThisThread() {
  constexpr int kNice = 10;
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
  constexpr int kIoprioWhoProcess = 1;
  constexpr int kBestEffortLowest = (2 << 13) | 7;  // class 2, level 7 of 0 to 7
  (void)syscall(SYS_ioprio_set, kIoprioWhoProcess, 0, kBestEffortLowest);
}

}  // namespace

Watcher::Watcher(std::unique_ptr<Scanner> scanner, std::chrono::milliseconds interval)
    : scanner_(std::move(scanner)), interval_(interval), thread_([this] { Run(); }) {}

Watcher::~Watcher() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Watcher::WaitForFirstScan() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return scanned_; });
}

void Watcher::Run() {
  LowerPriorityOfThisThread();
  for (;;) {
    scanner_->Scan();
    std::unique_lock lock(mutex_);
    scanned_ = true;
    changed_.notify_all();
    if (changed_.wait_for(lock, interval_, [this] { return stop_; })) return;
  }
}

}  // namespace adscore::server

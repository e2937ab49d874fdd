// The thread that looks at the model root again and again. It runs at low priority, so that loading and
// freeing models take what the serving loops leave.
//
// Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "server/snapshots/scanner.h"

namespace adscore::server {

class Watcher {
 public:
  // Starts at once and scans every `interval`, counted from the end of the scan before.
  Watcher(std::unique_ptr<Scanner> scanner, std::chrono::milliseconds interval);
  ~Watcher();  // waits for a scan that is under way

  // Returns when the first scan is done: what lay in the model root serves, or is refused.
  void WaitForFirstScan();

 private:
  void Run();

  const std::unique_ptr<Scanner> scanner_;  // used by thread_ alone
  const std::chrono::milliseconds interval_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool scanned_ = false;  // guarded by mutex_
  bool stop_ = false;     // guarded by mutex_
  std::thread thread_;
};

}  // namespace adscore::server

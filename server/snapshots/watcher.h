// The threads that look at the model root: one that finds models and hears of changes, and one for each
// model, so that no model waits for another one's loading. They run at low priority: loading and freeing
// models takes what the serving loops leave.
//
// Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "server/snapshots/directory_watch.h"
#include "server/snapshots/model_lives.h"

namespace adscore::server {

class Watcher {
 public:
  // Starts at once. Every model is looked at when its directory changes, where the system says so, and every
  // `interval` in any case. `on_change` is called after a look that changed what serves, or what models there
  // are; by several threads. `lives` must outlive the watcher.
  Watcher(ModelLives* lives, std::chrono::milliseconds interval, std::function<void()> on_change);
  ~Watcher();  // waits for the looks that are under way

  // Returns when each model that lay in the model root has been looked at once: it serves, or is refused.
  void WaitForFirstLooks();

 private:
  struct Worker {
    bool is_due = false;      // guarded by mutex_
    bool has_looked = false;  // guarded by mutex_
    std::thread thread;
  };

  void Run();
  void RunWorker(ModelLife* life, Worker* worker);

  ModelLives* const lives_;
  const std::chrono::milliseconds interval_;
  const std::function<void()> on_change_;
  DirectoryWatch directories_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool has_found_ = false;                                 // guarded by mutex_: the model root was looked at
  bool stop_ = false;                                      // guarded by mutex_
  std::map<ModelLife*, std::unique_ptr<Worker>> workers_;  // guarded by mutex_; written by thread_ alone
  std::thread thread_;
};

}  // namespace adscore::server

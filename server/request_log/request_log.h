// The request log of a server: the thread that writes down a sample of what was answered. See
// docs/operations.md for what is in the files, and proto/adscore/v1/request_log.proto.
//
// Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "adscore/v1/request_log.pb.h"
#include "server/answered_requests.h"
#include "server/metrics/request_log_counts.h"
#include "server/request_log/rotating_file.h"

namespace adscore::server {

struct RequestLogOptions {
  std::string directory{};       // empty: requests are not logged
  double share = 0.01;           // of the requests that are answered, 0 to 1
  uint64_t all_bytes = 1 << 30;  // of all files
};

class RequestLog {
 public:
  // Never fails: where nothing can be written that is logged and counted, and tried again with what is
  // answered next. Serving does not depend on it.
  RequestLog(const RequestLogOptions& options, const RotationLimits& rotation);
  ~RequestLog();  // writes what waits, and completes the file

  RequestLog(const RequestLog&) = delete;
  RequestLog& operator=(const RequestLog&) = delete;

  // Where the serving loops hand over what they have answered.
  AnsweredRequests& answered() { return answered_; }

  RequestLogCounts counts() const;

 private:
  void Run();
  void WriteWaiting();
  void Write(const std::string& bytes, uint64_t records);
  void Tell(const absl::Status& status);

  AnsweredRequests answered_;
  std::atomic<uint64_t> records_{0};
  std::atomic<uint64_t> bytes_{0};

  // Of the writing thread.
  RotatingFile file_;
  v1::LoggedRequest record_;
  bool is_failing_ = false;                       // the last thing that was tried failed
  std::chrono::steady_clock::time_point told_{};  // when a failure was last logged

  std::mutex mutex_;
  std::condition_variable ending_;
  bool is_ending_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace adscore::server

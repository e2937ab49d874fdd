// The sampled request log: what was asked and answered, in files that can be sent again (adscore-client bench
// --replay). The format is that of proto/adscore/v1/request_log.proto.
//
// Thread-safe. Offer never waits: not for the disk, and not for another thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "adscore/v1/prediction_service.pb.h"
#include "server/request_log/rotating_file.h"

namespace adscore::server {

struct RequestLogOptions {
  std::string directory;  // of this server alone; empty: no log
  double share = 0.01;    // of the requests, in [0, 1]
  RotationLimits rotation;
};

class RequestLog {
 public:
  // Bytes that may wait for the disk. What comes while there are more is dropped.
  static constexpr size_t kMostWaiting = 16 << 20;

  // Makes the directory if there is none, and proves that files can be written there. `options.directory`
  // must not be empty.
  static absl::StatusOr<std::unique_ptr<RequestLog>> Open(const RequestLogOptions& options);
  ~RequestLog();  // writes what waits

  RequestLog(const RequestLog&) = delete;
  RequestLog& operator=(const RequestLog&) = delete;

  // Of the requests, how many should be offered.
  double share() const { return share_.load(std::memory_order_relaxed); }
  void SetShare(double share) { share_.store(share, std::memory_order_relaxed); }

  // Takes a copy, without the request's key, or drops and counts it.
  void Offer(const v1::PredictRequest& request, const v1::PredictResponse& response);

  uint64_t written() const { return written_.load(std::memory_order_relaxed); }  // requests
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  RequestLog(const RequestLogOptions& options, std::unique_ptr<RotatingFile> file);
  void Run();
  void Write(const std::vector<std::string>& records);

  std::atomic<double> share_;
  std::atomic<uint64_t> written_{0};
  std::atomic<uint64_t> dropped_{0};

  std::mutex mutex_;
  std::condition_variable ending_;
  // Guarded by mutex_.
  std::vector<std::string> waiting_;  // records, each with its length before it
  size_t waiting_bytes_ = 0;
  bool is_ending_ = false;

  // Of the writing thread.
  std::unique_ptr<RotatingFile> file_;
  bool is_failing_ = false;
  std::thread thread_;
};

}  // namespace adscore::server

// The files of a request log as they are written: one at a time, which is complete when it is large or old,
// and a bound on all of them together.
//
// Not thread-safe. Several processes may write to one directory.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"

namespace adscore::server {

struct RotationLimits {
  uint64_t file_bytes = 64 << 20;      // a file that has so many is complete
  std::chrono::seconds file_age{600};  // and one that is so old
  uint64_t all_bytes = 1 << 30;  // of all files, the one that is written included; beyond, the oldest go
  size_t all_files = 1000;       // complete ones

  // Of `all_bytes`, in files that are a small part of it.
  static RotationLimits For(uint64_t all_bytes);
};

class RotatingFile {
 public:
  // Touches no file yet.
  RotatingFile(std::string directory, const RotationLimits& limits)
      : directory_(std::move(directory)), limits_(limits) {}
  ~RotatingFile();  // completes the file

  RotatingFile(const RotatingFile&) = delete;
  RotatingFile& operator=(const RotatingFile&) = delete;

  // Writes whole records, all of them or, with an error that names the file, none. Begins a file if there is
  // none, and makes the directory.
  absl::Status Append(std::string_view records);

  // To be called now and then: completes a file that is large or old. It is synced to the disk before it gets
  // its name. What is being written is not: the process may die without loss, the machine can take it along.
  absl::Status CompleteIfDue();

 private:
  using Clock = std::chrono::steady_clock;

  absl::Status Begin();
  absl::Status Complete();
  void CompleteLeftovers() const;
  void RemoveOldest() const;

  const std::string directory_;
  const RotationLimits limits_;
  bool has_begun_ = false;  // a file, ever
  int file_ = -1;           // open for writing, and locked: other processes see that somebody writes it
  std::string path_;        // without kUnfinished
  uint64_t bytes_ = 0;      // in it
  Clock::time_point begun_{};
};

}  // namespace adscore::server

// A file that is replaced by the next one when it is large or old, and a bound on all of them together.
//
// Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace adscore::server {

struct RotationLimits {
  uint64_t file_bytes = 64 << 20;       // a file that has so many is complete
  std::chrono::seconds file_age{3600};  // and one that is so old
  uint64_t all_bytes = 1 << 30;         // of complete files; beyond that the oldest go
};

class RotatingFile {
 public:
  // Makes `directory` if there is none and begins a file in it. Complete files are requests-TIME-PID-N.pb;
  // the one that is being written ends in .part.
  static absl::StatusOr<std::unique_ptr<RotatingFile>> Open(const std::string& directory,
                                                            const RotationLimits& limits);
  ~RotatingFile();  // completes the file

  RotatingFile(const RotatingFile&) = delete;
  RotatingFile& operator=(const RotatingFile&) = delete;

  // After an error the file is given up as it is, and the next call begins another one.
  absl::Status Append(std::string_view record);

  // Hands to the system what was appended, and looks at the file's age.
  void EndRound();

 private:
  using Clock = std::chrono::steady_clock;

  RotatingFile(std::string directory, const RotationLimits& limits)
      : directory_(std::move(directory)), limits_(limits) {}
  absl::Status Begin();
  void Complete();
  void RemoveOldest() const;

  const std::string directory_;
  const RotationLimits limits_;
  std::string path_;  // without .part
  std::ofstream file_;
  uint64_t bytes_ = 0;
  uint64_t files_ = 0;  // begun so far
  Clock::time_point begun_{};
};

}  // namespace adscore::server

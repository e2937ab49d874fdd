// Keeps a line that callers can provoke from filling the log.
//
// Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

namespace adscore::server {

class LogLimit {
 public:
  static constexpr uint64_t kPerSecond = 5;

  // Whether one more line may be written at `now`. If so: how many were left out since the last one.
  std::optional<uint64_t> Take(std::chrono::steady_clock::time_point now) {
    const std::lock_guard lock(mutex_);
    if (now - second_ >= std::chrono::seconds(1)) {
      second_ = now;
      written_ = 0;
    }
    if (written_ >= kPerSecond) {
      ++left_out_;
      return std::nullopt;
    }
    ++written_;
    const uint64_t left_out = left_out_;
    left_out_ = 0;
    return left_out;
  }

 private:
  std::mutex mutex_;
  // Guarded by mutex_.
  std::chrono::steady_clock::time_point second_{};  // when the present one began
  uint64_t written_ = 0;                            // in it
  uint64_t left_out_ = 0;
};

// What a line ends with when others like it were left out before it; otherwise nothing.
inline std::string LeftOut(uint64_t lines) {
  return lines == 0 ? std::string() : " (" + std::to_string(lines) + " more lines like this were left out)";
}

}  // namespace adscore::server

// The time that serving decides by. A seam, so that tests can move it.
//
// Thread-safe: implementations must be callable from any thread.
#pragma once

#include <chrono>

namespace adscore::server {

using Time = std::chrono::steady_clock::time_point;

// A deadline that never comes.
inline constexpr Time kNever = Time::max();

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time Now() const = 0;
};

class SteadyClock final : public Clock {
 public:
  Time Now() const override { return std::chrono::steady_clock::now(); }
};

inline double Seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace adscore::server

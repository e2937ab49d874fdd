// A clock that stands still until a test moves it.
//
// Not thread-safe.
#pragma once

#include "server/clock.h"

namespace adscore::server {

class FakeClock final : public Clock {
 public:
  Time Now() const override { return now_; }
  void Advance(Time::duration duration) { now_ += duration; }

 private:
  Time now_{std::chrono::hours(1)};
};

}  // namespace adscore::server

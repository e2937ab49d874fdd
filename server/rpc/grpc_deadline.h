// gRPC gives deadlines in system_clock; the server decides by the steady one.
//
// Thread-safe: pure function.
#pragma once

#include <chrono>

#include "server/clock.h"

namespace adscore::server {

inline Time ToSteady(std::chrono::system_clock::time_point deadline, Time now) {
  if (deadline == std::chrono::system_clock::time_point::max()) return kNever;
  const auto left = deadline - std::chrono::system_clock::now();
  return left > kNever - now ? kNever : now + left;
}

}  // namespace adscore::server

// What is counted of the request log.
//
// Thread-safe: plain values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace adscore::server {

// Why an answered request that was chosen is not in the log.
enum class LogDrop : uint8_t {
  kQueueFull,    // as much waited to be written as may
  kTooLarge,     // larger than a record may be
  kWriteFailed,  // the disk is full, the directory can't be written to
};
inline constexpr size_t kLogDrops = 3;

struct RequestLogCounts {
  uint64_t records = 0;  // handed to the system
  uint64_t bytes = 0;    // of those
  std::array<uint64_t, kLogDrops> dropped{};
};

}  // namespace adscore::server

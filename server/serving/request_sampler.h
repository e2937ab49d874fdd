// Which requests are kept in the request log: a share of them, at random.
//
// Not thread-safe: one per serving loop.
#pragma once

#include <cstdint>

namespace adscore::server {

class RequestSampler {
 public:
  // `seed`: another one for each loop.
  explicit RequestSampler(uint64_t seed) : state_((seed + 1) * 0x9E3779B97F4A7C15) {}

  // True for `share` of the calls; 0: never, 1: always.
  bool Take(double share) {
    state_ ^= state_ << 13;  // xorshift64
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<double>(state_ >> 11) * 0x1p-53 < share;
  }

 private:
  uint64_t state_;  // never 0
};

}  // namespace adscore::server

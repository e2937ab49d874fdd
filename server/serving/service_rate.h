// How fast a serving loop works its queue off, learnt from the batches that it has run: says whether a
// deadline can still be met, and when a caller who was turned away should try again.
//
// Not thread-safe: one per serving loop.
#pragma once

#include <chrono>
#include <cstddef>

namespace adscore::server {

class ServiceRate {
 public:
  using Duration = std::chrono::steady_clock::duration;

  // A round of the loop took `duration` for `rows` rows, receiving and answering included. `saturated`: more
  // was there than it could take. A row costs most in a small batch, so one that was not saturated can lower
  // the estimate and never raise it: a quiet server must not turn a burst away that it could well serve.
  void Observe(size_t rows, Duration duration, bool saturated);

  // How long `rows` rows take; 0 before anything was observed.
  Duration TimeFor(size_t rows) const;

 private:
  double seconds_per_row_ = 0;  // 0: unknown
};

}  // namespace adscore::server

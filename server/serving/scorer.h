// One forward pass and its counts, with the memory that it needs.
//
// Not thread-safe: one per serving loop.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>

#include "model/aligned.h"
#include "model/model.h"
#include "server/clock.h"
#include "server/registry.h"

namespace adscore::server {

class Scorer {
 public:
  // `loop`: the number of the loop, whose cells it writes. `clock` must outlive the scorer.
  Scorer(size_t loop, const Clock* clock) : loop_(loop), clock_(clock) {}

  // Probabilities of all impressions, in order: [rows][heads], valid until the next call.
  std::span<const float> Score(const ServedModel& served, std::span<const model::Impression> impressions);

  // How long the last forward pass took.
  std::chrono::nanoseconds last_pass() const { return last_pass_; }

  // Counts what Score returned in the histograms of predictions. Apart from it, so that the answers can go
  // out first: nobody waits for this.
  void CountPredictions(const ServedModel& served, std::span<const float> probabilities) const;

 private:
  const size_t loop_;
  const Clock* const clock_;
  model::ScoreScratch scratch_;
  model::AlignedFloats probabilities_;
  std::chrono::nanoseconds last_pass_{};
};

}  // namespace adscore::server

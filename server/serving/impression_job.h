// One impression that waits to be scored, as the batcher sees it: it neither knows nor cares where it came
// from.
//
// Not thread-safe: belongs to one serving loop.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>

#include "model/raw_columns.h"
#include "server/clock.h"
#include "server/refusal.h"
#include "server/registry.h"
#include "server/serving/model_choice.h"

namespace adscore::server {

class ImpressionJob {
 public:
  virtual ~ImpressionJob() = default;

  // What was asked for; constant once the job is enqueued.
  Time arrival{};
  Time deadline = kNever;
  size_t rows = 0;  // candidates, at least 1
  Wanted wanted;

  // Set by the batcher once its batch begins, and added to for each forward pass that the job takes part in.
  Time started{};
  std::chrono::nanoseconds forward{};

  // Set at any time by whoever owns the job: nobody waits for the answer.
  bool cancelled = false;

  // Set before Refuse where a retry has a chance (kQueueFull, kDeadlineTooClose): after how long.
  std::chrono::milliseconds retry_after{0};

  // Checks the features against the model's schema and makes `*impression` a view of them, which stays valid
  // until the job is answered. Its candidates have exactly `rows` rows.
  virtual std::optional<Refusal> Decode(const ServedModel& served, model::Impression* impression) = 0;

  // Exactly one of these two ends the job; the batcher does not touch it afterwards.
  // probabilities: [rows][heads] of `served`, which computed them.
  virtual void Answer(const ServedModel& served, std::span<const float> probabilities) = 0;
  // `served`: the model that the request was meant for, or null if it was refused before one was chosen.
  virtual void Refuse(Refusal refusal, const ServedModel* served) = 0;
};

}  // namespace adscore::server

// What an operator asks of a version before it takes over by itself, beyond the proof that it computes what
// the trainer computed. A version that an operator pins is not asked.
//
// Thread-safe: pure functions.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <vector>

#include "model/model.h"
#include "server/registry.h"
#include "server/snapshots/refusals.h"
#include "server/traffic_sample.h"

namespace adscore::server {

struct Guards {
  // Largest |mean of the new version ÷ mean of the serving one - 1| on recent traffic, for each head; 0: any.
  double max_mean_shift = 0;
  // How long a version must have lain in the model root; 0: no time. Not asked while nothing serves.
  std::chrono::seconds min_age{0};
  bool allow_schema_change = true;

  bool operator==(const Guards&) const = default;
};

// Sampled rows below which a mean says nothing: the guard lets such a version pass.
inline constexpr size_t kFewestGuardRows = 200;

// Why `next` must not take the place of `now`, if so. `min_age` is not looked at: it is asked before a
// version is loaded.
std::optional<LoadFailure> CheckGuards(const Guards& guards, const ServedModel& now, const ServedModel& next);

// The probabilities of `model` for all candidates of `sampled`: [rows][heads]. The impressions must fit its
// schema.
std::vector<float> ScoreSample(const model::Model& model, std::span<const SampledImpression> sampled);

}  // namespace adscore::server

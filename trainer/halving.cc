#include "trainer/halving.h"

#include <algorithm>
#include <vector>

namespace adscore::trainer {
namespace {

const TrialOutcome* Find(std::span<const TrialOutcome> outcomes, size_t trial, size_t rung) {
  for (const TrialOutcome& outcome : outcomes) {
    if (outcome.trial == trial && outcome.rung == rung) return &outcome;
  }
  return nullptr;
}

// What was run at a rung, best first.
std::vector<TrialOutcome> AtRung(std::span<const TrialOutcome> outcomes, size_t rung) {
  std::vector<TrialOutcome> at;
  for (const TrialOutcome& outcome : outcomes) {
    if (outcome.rung == rung) at.push_back(outcome);
  }
  std::sort(at.begin(), at.end(), [](const TrialOutcome& a, const TrialOutcome& b) {
    return a.loss != b.loss ? a.loss < b.loss : a.trial < b.trial;
  });
  return at;
}

}  // namespace

std::optional<TrialJob> NextJob(std::span<const TrialOutcome> outcomes, size_t rungs, size_t trials) {
  // The default up to the rung before the last: what the others are measured against.
  for (size_t rung = 0; rung + 1 < rungs; ++rung) {
    if (Find(outcomes, kDefaultTrial, rung) == nullptr) return TrialJob{kDefaultTrial, rung};
  }
  const double by_default = Find(outcomes, kDefaultTrial, rungs - 2)->loss;
  for (size_t rung = rungs - 1; rung > 0; --rung) {
    const std::vector<TrialOutcome> below = AtRung(outcomes, rung - 1);
    for (size_t i = 0; i < below.size() / kHalving; ++i) {
      const TrialOutcome& candidate = below[i];
      if (candidate.trial == kDefaultTrial || Find(outcomes, candidate.trial, rung) != nullptr) continue;
      const bool last = rung + 1 == rungs;
      if (last && !(candidate.loss < by_default)) continue;
      if (last && Find(outcomes, kDefaultTrial, rung) == nullptr) return TrialJob{kDefaultTrial, rung};
      return TrialJob{candidate.trial, rung};
    }
  }
  size_t next = 0;
  for (const TrialOutcome& outcome : outcomes) next = std::max(next, outcome.trial + 1);
  if (next < trials) return TrialJob{next, 0};
  return std::nullopt;
}

std::optional<double> TrialLoss(std::span<const TrialOutcome> outcomes, size_t trial, size_t rungs,
                                double weight) {
  const TrialOutcome* first = Find(outcomes, trial, rungs - 2);
  if (first == nullptr) return std::nullopt;
  const TrialOutcome* more = Find(outcomes, trial, rungs - 1);
  return more == nullptr ? first->loss : (first->loss + weight * more->loss) / (1 + weight);
}

size_t BestTrial(std::span<const TrialOutcome> outcomes, size_t rungs, double weight) {
  const TrialOutcome* by_default = Find(outcomes, kDefaultTrial, rungs - 2);
  if (by_default == nullptr) return kDefaultTrial;
  const bool to_the_end = Find(outcomes, kDefaultTrial, rungs - 1) != nullptr;
  size_t best = kDefaultTrial;
  double least = *TrialLoss(outcomes, kDefaultTrial, rungs, weight);
  for (const TrialOutcome& outcome : AtRung(outcomes, rungs - 2)) {
    if (outcome.loss > by_default->loss) continue;
    // One that has not got to the end can't be compared with the default that has.
    if (to_the_end && Find(outcomes, outcome.trial, rungs - 1) == nullptr) continue;
    const double loss = *TrialLoss(outcomes, outcome.trial, rungs, weight);
    if (loss < least) {
      best = outcome.trial;
      least = loss;
    }
  }
  return best;
}

}  // namespace adscore::trainer

// Successive halving: many trials are run cheaply, the best third of them better, and the best of those once
// more with other seeds. Asynchronous (L. Li et al., "A System for Massively Parallel Hyperparameter Tuning",
// 2020): what comes next follows from the outcomes so far, so that it can stop, and go on, at any moment.
//
// Thread-safe: pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace adscore::trainer {

inline constexpr size_t kDefaultTrial = 0;  // what the flags say, without a change
inline constexpr size_t kHalving = 3;       // one of so many is promoted

// A trial that was run at one rung: the higher, the more it costs and the more it says.
struct TrialOutcome {
  size_t trial = 0;
  size_t rung = 0;
  double loss = 0;  // infinite: it went astray
  double seconds = 0;
};

struct TrialJob {
  size_t trial = 0;
  size_t rung = 0;
};

// What to run next of at most `trials` trials over `rungs` rungs; nothing if all has been run that is worth
// it. The default trial goes ahead: it is at every rung that another one gets to. What is not better than it
// gets no further than the rung before the last.
std::optional<TrialJob> NextJob(std::span<const TrialOutcome> outcomes, size_t rungs, size_t trials);

// The trial to publish: the best of those that the last rung has, by the mean of what the last two rungs
// said, which have all rows; before anything is there, by the one before it. Never one that did worse than
// the default at the rung before the last, whose seed is the one that is published with; the default if in
// doubt. `weight`: runs behind an outcome of the last rung, for one of the rung before it.
size_t BestTrial(std::span<const TrialOutcome> outcomes, size_t rungs, double weight);

// A trial's loss for BestTrial, if it was run at the rung before the last.
std::optional<double> TrialLoss(std::span<const TrialOutcome> outcomes, size_t trial, size_t rungs,
                                double weight);

}  // namespace adscore::trainer

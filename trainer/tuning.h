// A search for better training options within a budget of time: trials that are known to be good on some
// logs, then ones drawn at random (tuning_space.h), run by FitModel at rungs that cost more and say more
// (halving.h).
//
// What is compared is the loss on the validation rows, which no fit learns from. So they are no longer rows
// that nothing was chosen by: the published figures are a little too good, and a later log says how good it
// is.
//
// Not thread-safe. What a trial does depends on the data, the flags and its number alone; how many there are
// is a matter of time.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/dataset.h"
#include "trainer/fit.h"
#include "trainer/halving.h"
#include "trainer/tuning_state.h"

namespace adscore::trainer {

// What is run at a rung: the last rows of those to learn from, this share of them, once for each seed.
struct Rung {
  double share = 1;
  std::vector<uint64_t> seeds;
};

// A quarter of the rows, if it has positives enough to tell trials apart; then all of them; then all of them
// with two more seeds.
std::vector<Rung> RungsFor(const Dataset& data, const FitOptions& options);

struct TuningOptions {
  std::chrono::duration<double> budget{600};           // for the search and the fit that follows it
  size_t trials = 100;                                 // at most, the default one included
  std::function<bool(const std::string& flag)> fixed;  // what stays as `base` has it
};

struct TuningProgress {
  TrialJob job;
  std::string changes;  // of the trial, as flags
  double seconds_left = 0;
  size_t trials = 0;  // begun
  double best_loss = 0;
  double default_loss = 0;  // 0: not known yet
};

struct TunedTrial {
  size_t trial = 0;
  std::string changes;
  double loss =
      0;  // of all validation rows, summed over heads; mean over seeds, at the highest rung it got to
  double share = 0;  // of the rows learnt from there
  size_t seeds = 0;
};

struct TuningResult {
  FitOptions best;
  size_t best_trial = kDefaultTrial;
  double best_loss = 0;  // of the best and of the default trial, on all rows
  double default_loss = 0;
  bool compared = false;           // false: the budget did not suffice for the default trial
  std::vector<TunedTrial> trials;  // those that got furthest first, and of them the best
};

// Goes on from `state` until the budget is used up, or `trials` are done. The errors of the default trial;
// what another one fails with only ends that one.
absl::StatusOr<TuningResult> TuneOptions(const Dataset& data, const FitOptions& base,
                                         const TuningOptions& tuning, TuningState* state,
                                         const std::function<void(const TuningProgress&)>& report);

}  // namespace adscore::trainer

#include "trainer/tuning.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "trainer/random.h"
#include "trainer/row_subset.h"
#include "trainer/split.h"
#include "trainer/tuning_space.h"

namespace adscore::trainer {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kFirstShare = 0.25;
constexpr uint64_t kEnoughPositives = 400;  // of each head in the first rung's rows
constexpr uint64_t kPartKey = 0x54554E45;

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// The validation rows of the whole log behind the last `share` of the others: a log in time order, of which
// the split takes the same validation rows.
Dataset LastRows(const Dataset& data, const Split& split, const FitOptions& options, double share) {
  std::vector<uint32_t> rows = split.training;
  rows.insert(rows.end(), split.tuning.begin(), split.tuning.end());
  std::sort(rows.begin(), rows.end());
  if (options.split == SplitKind::kRandom) Random(options.training.seed, kPartKey).Shuffle(&rows);
  const auto taken = static_cast<size_t>(std::ceil(share * static_cast<double>(rows.size())));
  rows.erase(rows.begin(), rows.end() - static_cast<std::ptrdiff_t>(taken));
  rows.insert(rows.end(), split.validation.begin(), split.validation.end());
  return SubsetRows(data, rows);
}

class Search {
 public:
  Search(const Dataset& data, const FitOptions& base, const TuningOptions& tuning, TuningState* state,
         const std::function<void(const TuningProgress&)>& report)
      : data_(data),
        base_(base),
        tuning_(tuning),
        state_(*state),
        report_(report),
        rungs_(RungsFor(data, base)) {}

  absl::StatusOr<TuningResult> Run() {
    absl::StatusOr<Split> split =
        SplitRows(data_.rows, base_.split, base_.validation_share, base_.tuning_share, base_.training.seed);
    if (!split.ok()) return split.status();
    if (rungs_.front().share < 1) {
      part_ = LastRows(data_, *split, base_, rungs_.front().share);
      part_validation_ = static_cast<double>(split->validation.size()) / static_cast<double>(part_.rows);
    }
    while (const std::optional<TrialJob> job = NextJob(state_.outcomes(), rungs_.size(), tuning_.trials)) {
      if (SecondsLeft() < SecondsFor(*job)) break;
      const Clock::time_point begin = Clock::now();
      const absl::StatusOr<double> loss = LossOf(*job);
      if (absl::IsCancelled(loss.status())) break;  // out of time
      if (!loss.ok() && job->trial == kDefaultTrial) return loss.status();
      const TrialOutcome outcome = {
          job->trial, job->rung, loss.value_or(std::numeric_limits<double>::infinity()), SecondsSince(begin)};
      if (absl::Status added = state_.Add(outcome); !added.ok()) return added;
    }
    return Result();
  }

 private:
  FitOptions OptionsOf(size_t trial) const {
    return DrawTrial(base_, tuning_.fixed, base_.training.seed, trial);
  }
  // Runs at the last rung for each at the one before it.
  double LastRungWeight() const {
    return static_cast<double>(rungs_.back().seeds.size()) /
           static_cast<double>(rungs_[rungs_.size() - 2].seeds.size());
  }

  // Seconds that an outcome took; nothing if it is not there.
  std::optional<double> SecondsOf(size_t trial, size_t rung) const {
    for (const TrialOutcome& outcome : state_.outcomes()) {
      if (outcome.trial == trial && outcome.rung == rung) return outcome.seconds;
    }
    return std::nullopt;
  }
  // What a job is expected to take, by what the trial took at the rung below, or by the default; 0: not
  // known.
  double SecondsFor(const TrialJob& job) const {
    if (job.rung == 0) {
      return SecondsOf(kDefaultTrial, 0).value_or(0) * static_cast<double>(OptionsOf(job.trial).members) /
             static_cast<double>(base_.members);
    }
    const Rung& below = rungs_[job.rung - 1];
    const Rung& rung = rungs_[job.rung];
    return SecondsOf(job.trial, job.rung - 1).value_or(0) * rung.share / below.share *
           static_cast<double>(rung.seeds.size()) / static_cast<double>(below.seeds.size());
  }
  // Before the best so far must be fitted, to be published.
  double SecondsLeft() const {
    const size_t best = BestTrial(state_.outcomes(), rungs_.size(), LastRungWeight());
    const double last_fit = SecondsOf(best, rungs_.size() - 2).value_or(0);
    return tuning_.budget.count() - SecondsSince(begin_) - last_fit;
  }

  // Cancelled if the time is up before it is known.
  absl::StatusOr<double> LossOf(const TrialJob& job) {
    const Rung& rung = rungs_[job.rung];
    TuningProgress progress = {.job = job, .changes = DescribeTrial(base_, OptionsOf(job.trial))};
    for (const TrialOutcome& outcome : state_.outcomes()) {
      progress.trials = std::max(progress.trials, outcome.trial + 1);
    }
    progress.default_loss =
        TrialLoss(state_.outcomes(), kDefaultTrial, rungs_.size(), LastRungWeight()).value_or(0);
    const size_t best = BestTrial(state_.outcomes(), rungs_.size(), LastRungWeight());
    progress.best_loss = TrialLoss(state_.outcomes(), best, rungs_.size(), LastRungWeight()).value_or(0);
    double sum = 0;
    for (const uint64_t seed : rung.seeds) {
      FitOptions options = OptionsOf(job.trial);
      options.training.seed = seed;
      std::atomic<bool> out_of_time = false;
      options.training.stop = &out_of_time;
      if (rung.share < 1) {
        options.split = SplitKind::kTail;
        options.validation_share = part_validation_;
      }
      const absl::StatusOr<FittedModel> fitted =
          FitModel(rung.share < 1 ? part_ : data_, options, [&](const TrainingProgress&) {
            progress.seconds_left = SecondsLeft();
            out_of_time = progress.seconds_left < 0;
            report_(progress);
          });
      if (!fitted.ok()) return fitted.status();
      if (fitted->interrupted) return absl::CancelledError("out of time");
      for (const HeadFigures& figures : fitted->validation) sum += figures.log_loss;
    }
    return sum / static_cast<double>(rung.seeds.size());
  }

  TuningResult Result() const {
    const std::vector<TrialOutcome>& outcomes = state_.outcomes();
    TuningResult result;
    result.best_trial = BestTrial(outcomes, rungs_.size(), LastRungWeight());
    result.best = OptionsOf(result.best_trial);
    const auto loss_of = [&](size_t trial) {
      return TrialLoss(outcomes, trial, rungs_.size(), LastRungWeight());
    };
    result.compared = loss_of(kDefaultTrial).has_value();
    result.default_loss = loss_of(kDefaultTrial).value_or(0);
    result.best_loss = loss_of(result.best_trial).value_or(0);
    std::vector<TrialOutcome> furthest;  // of each trial
    for (const TrialOutcome& outcome : outcomes) {
      furthest.resize(std::max(furthest.size(), outcome.trial + 1));
      if (furthest[outcome.trial].seconds == 0 || furthest[outcome.trial].rung < outcome.rung) {
        furthest[outcome.trial] = outcome;
      }
    }
    for (const TrialOutcome& outcome : furthest) {
      const Rung& rung = rungs_[outcome.rung];
      const bool last = outcome.rung + 1 == rungs_.size();
      result.trials.push_back({outcome.trial, DescribeTrial(base_, OptionsOf(outcome.trial)),
                               last ? *loss_of(outcome.trial) : outcome.loss, rung.share,
                               rung.seeds.size() + (last ? rungs_[outcome.rung - 1].seeds.size() : 0)});
    }
    std::sort(result.trials.begin(), result.trials.end(), [](const TunedTrial& a, const TunedTrial& b) {
      if (a.share * static_cast<double>(a.seeds) != b.share * static_cast<double>(b.seeds))
        return a.share * static_cast<double>(a.seeds) > b.share * static_cast<double>(b.seeds);
      return a.loss != b.loss ? a.loss < b.loss : a.trial < b.trial;
    });
    return result;
  }

  const Dataset& data_;
  const FitOptions& base_;
  const TuningOptions& tuning_;
  TuningState& state_;
  const std::function<void(const TuningProgress&)>& report_;
  const std::vector<Rung> rungs_;
  const Clock::time_point begin_ = Clock::now();
  Dataset part_;  // of the first rung, if that has not all rows
  double part_validation_ = 0;
};

}  // namespace

std::vector<Rung> RungsFor(const Dataset& data, const FitOptions& options) {
  const uint64_t seed = options.training.seed;
  std::vector<Rung> rungs = {{1, {seed}}, {1, {Random(seed, 1).Bits(), Random(seed, 2).Bits()}}};
  const absl::StatusOr<Split> split = SplitRows(data.rows, options.split, options.validation_share,
                                                options.tuning_share, options.training.seed);
  if (!split.ok()) return rungs;
  const Dataset part = LastRows(data, *split, options, kFirstShare);
  for (const std::vector<uint8_t>& labels : part.labels) {
    const auto learnt_from = labels.end() - static_cast<std::ptrdiff_t>(split->validation.size());
    const auto positives = static_cast<uint64_t>(std::count(labels.begin(), learnt_from, 1));
    const auto negatives = static_cast<uint64_t>(std::count(labels.begin(), learnt_from, 0));
    if (std::min(positives, negatives) < kEnoughPositives) return rungs;
  }
  rungs.insert(rungs.begin(), {kFirstShare, {seed}});
  return rungs;
}

absl::StatusOr<TuningResult> TuneOptions(const Dataset& data, const FitOptions& base,
                                         const TuningOptions& tuning, TuningState* state,
                                         const std::function<void(const TuningProgress&)>& report) {
  return Search(data, base, tuning, state, report).Run();
}

}  // namespace adscore::trainer

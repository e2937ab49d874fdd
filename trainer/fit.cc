#include "trainer/fit.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "trainer/calibration.h"
#include "trainer/evaluation.h"
#include "trainer/fit_checks.h"
#include "trainer/golden_rows.h"
#include "trainer/random.h"
#include "trainer/recentring.h"
#include "trainer/tuning_parts.h"
#include "trainer/version.h"
#include "trainer/warm_start.h"

namespace adscore::trainer {
namespace {

constexpr size_t kGoldenRows = 64;

// Share of positives, by weight; after a warm start together with the rows from before, aged.
double Rate(const Dataset& data, size_t head, std::span<const uint32_t> rows, const WarmStart* warm_start) {
  double all = warm_start == nullptr ? 0 : warm_start->rows();
  double positives = warm_start == nullptr ? 0 : all * warm_start->BaseRate(head);
  for (const uint32_t row : rows) {
    if (data.labels[head][row] == kUnknownLabel) continue;
    positives += data.Weight(row) * data.labels[head][row];
    all += data.Weight(row);
  }
  return positives / all;
}

// Seconds since 1970; SOURCE_DATE_EPOCH, where it is set, makes a snapshot reproducible to the byte.
int64_t CreationTime() {
  int64_t fixed = 0;
  const char* epoch = std::getenv("SOURCE_DATE_EPOCH");
  if (epoch != nullptr && absl::SimpleAtoi(epoch, &fixed)) return fixed;
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

InputLayout LayOut(const Dataset& data, const FittedEncoders& encoders, const FitOptions& options) {
  return LayOutInput(data.schema, encoders.encodings, options.training.linear ? data.labels.size() : 0);
}

// Training options of a member: a seed of its own, and where it starts.
TrainingOptions OptionsOf(size_t member, const FitOptions& options, const InputLayout& layout,
                          const FittedEncoders& encoders) {
  TrainingOptions training = options.training;
  if (member > 0) training.seed = Random(options.training.seed, member).Bits();
  if (options.encoders.warm_start != nullptr) {
    training.start = std::make_shared<const Parameters>(
        options.encoders.warm_start->ParametersOf(member, layout, encoders.previous_ids));
  }
  return training;
}

// Recentres a network (recentring.h). One that goes on from a version before is left where it is: its new
// rows may have few positives, and it has wandered no further than their own steps.
absl::Status RecentreUnlessWarm(const EncodedData& rows, const InputLayout& layout, const Dataset& data,
                                std::span<const uint32_t> learnt_from, const FitOptions& options,
                                Parameters* parameters) {
  if (options.encoders.warm_start != nullptr) return absl::OkStatus();
  return Recentre(rows, layout, data, learnt_from, options.training.chains, options.training.threads,
                  parameters);
}

// Networks that can be published, and the encoders that go with them.
struct State {
  FittedEncoders encoders;
  InputLayout layout;
  std::vector<Parameters> members;
  std::vector<uint32_t> learnt_from;
};

// Logits of rows that they were not learnt from: what calibrators are fitted to.
struct UnseenLogits {
  std::vector<uint32_t> rows;
  std::vector<float> logits;  // [rows][heads]: the members' mean

  void Add(std::span<const uint32_t> more_rows, std::span<const float> more) {
    rows.insert(rows.end(), more_rows.begin(), more_rows.end());
    logits.insert(logits.end(), more.begin(), more.end());
  }
};

// What the tuning rows said.
struct Tuned {
  std::vector<double> epochs;         // [members]: how long to train
  std::vector<float> learning_rates;  // [members]: lower than the options' after a setback
  UnseenLogits logits;                // of the tuning rows of all parts
  State state;                        // of the first part, in case that there will be no other
  double state_epochs = 0;            // behind it: mean over its members
  bool interrupted = false;
};

// Trains the members on one of `parts` parts, as far as it comes. Cancelled if it is stopped before any of
// them is worth keeping.
absl::Status TuneOn(const TuningPart& part, const Dataset& data, const FitOptions& options,
                    const TrainingReport& report, size_t parts, Tuned* tuned, FittedModel* fitted) {
  const auto trainings = static_cast<double>(parts * options.members);
  absl::StatusOr<FittedEncoders> encoders = FitEncoders(data, part.training, options.encoders);
  if (!encoders.ok()) return encoders.status();
  const InputLayout layout = LayOut(data, *encoders, options);
  const EncodedData rows(data, layout, *encoders, options.memory_bytes);
  const bool first = tuned->logits.rows.empty();
  std::vector<float> sum(part.tuning.size() * options.labels.size());
  size_t members = 0;
  while (members < options.members && !tuned->interrupted) {
    absl::StatusOr<TrainingResult> trained = Train(rows, layout, part.training, part.tuning,
                                                   OptionsOf(members, options, layout, *encoders), report);
    if (absl::IsCancelled(trained.status())) tuned->interrupted = true;
    if (tuned->interrupted && (members > 0 || !first)) break;
    if (!trained.ok()) return trained.status();
    tuned->interrupted = trained->interrupted;
    tuned->epochs[members] += trained->best_epochs / static_cast<double>(parts);
    tuned->learning_rates[members] = std::min(tuned->learning_rates[members], trained->learning_rate);
    fitted->best_epochs += trained->best_epochs / trainings;
    fitted->epochs += trained->epochs / trainings;
    fitted->rows_per_second += trained->rows_per_second / trainings;
    for (std::string& setback : trained->setbacks) fitted->notices.push_back(std::move(setback));
    if (fitted->history.empty()) fitted->history = std::move(trained->history);
    absl::Status status =
        RecentreUnlessWarm(rows, layout, data, part.training, options, &trained->parameters);
    if (!status.ok()) return status;
    const absl::StatusOr<std::vector<float>> logits =
        ScoreLogits(rows, layout, part.tuning, trained->parameters, options.training.threads);
    if (!logits.ok()) return logits.status();
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += (*logits)[i] / static_cast<float>(options.members);
    if (first) {
      tuned->state.members.push_back(std::move(trained->parameters));
      tuned->state_epochs += trained->best_epochs;
    }
    ++members;
  }
  if (members == 0) return absl::OkStatus();
  if (members < options.members) {
    for (float& logit : sum) logit *= static_cast<float>(options.members) / static_cast<float>(members);
  }
  tuned->logits.Add(part.tuning, sum);
  if (!first) return absl::OkStatus();
  encoders->ForgetFolds();
  tuned->state.encoders = *std::move(encoders);
  tuned->state.layout = layout;
  tuned->state.learnt_from = part.training;
  tuned->state_epochs /= static_cast<double>(members);
  return absl::OkStatus();
}

absl::StatusOr<Tuned> Tune(const Dataset& data, const std::vector<TuningPart>& parts,
                           const FitOptions& options, const TrainingReport& report, FittedModel* fitted) {
  Tuned tuned;
  tuned.epochs.resize(options.members);
  tuned.learning_rates.resize(options.members, options.training.learning_rate);
  for (const TuningPart& part : parts) {
    if (tuned.interrupted) break;
    absl::Status status = TuneOn(part, data, options, report, parts.size(), &tuned, fitted);
    if (!status.ok()) return status;
  }
  return tuned;
}

// Trains anew on more rows, for as long as the tuning rows said. Adds the logits of `unseen` rows.
absl::StatusOr<State> TrainOnMore(std::vector<uint32_t> learnt_from, const Dataset& data, const Tuned& tuned,
                                  const FitOptions& options, const TrainingReport& report,
                                  std::span<const uint32_t> unseen, UnseenLogits* unseen_logits) {
  absl::StatusOr<FittedEncoders> encoders = FitEncoders(data, learnt_from, options.encoders);
  if (!encoders.ok()) return encoders.status();
  State state{
      .encoders = *std::move(encoders), .layout = {}, .members = {}, .learnt_from = std::move(learnt_from)};
  state.layout = LayOut(data, state.encoders, options);
  const EncodedData rows(data, state.layout, state.encoders, options.memory_bytes);
  std::vector<float> sum;
  for (size_t member = 0; member < options.members; ++member) {
    TrainingOptions training = OptionsOf(member, options, state.layout, state.encoders);
    training.learning_rate = tuned.learning_rates[member];
    absl::StatusOr<Parameters> parameters =
        TrainFor(tuned.epochs[member], rows, state.layout, state.learnt_from, training, report);
    if (!parameters.ok()) return parameters.status();
    absl::Status status =
        RecentreUnlessWarm(rows, state.layout, data, state.learnt_from, options, &*parameters);
    if (!status.ok()) return status;
    state.members.push_back(*std::move(parameters));
    if (unseen.empty()) continue;
    const absl::StatusOr<std::vector<float>> logits =
        ScoreLogits(rows, state.layout, unseen, state.members.back(), options.training.threads);
    if (!logits.ok()) return logits.status();
    sum.resize(logits->size());
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += (*logits)[i] / static_cast<float>(options.members);
  }
  unseen_logits->Add(unseen, sum);
  return state;
}

struct LabelledLogits {
  std::vector<float> logits;
  std::vector<uint8_t> labels;

  void Add(float logit, uint8_t label) {
    logits.push_back(logit);
    labels.push_back(label);
  }
};

// How far a calibrator fitted to those rows is believed where there is one from before, which was fitted to
// other rows of about the same network: by half with as many of the rarer kind as are enough without one.
double ShareOfNew(std::span<const uint8_t> labels) {
  const auto positives = static_cast<double>(std::count(labels.begin(), labels.end(), 1));
  const double rarer = std::min(positives, static_cast<double>(labels.size()) - positives);
  return rarer / (rarer + static_cast<double>(kEnoughPositives));
}

// Heads with their calibrators fitted to those logits, and after a warm start drawn towards those from
// before. Their base rates are not known yet.
//
// drawn_from: the rows that the unseen ones were drawn from at random; null if they were not. The
// probabilities' sum then comes to as many positives as such a draw has on average, not to as many as this
// one happens to have: with a few hundred, chance makes that differ by several percent.
//
// A head that follows another is calibrated on the rows where that one is positive, whose labels say what its
// own factor is; and then moved so that the products' sum over all rows is the positives, as that of the
// other heads' probabilities is.
std::vector<model::Head> CalibratedHeads(const Dataset& data, const FitOptions& options,
                                         const UnseenLogits& unseen,
                                         const std::vector<uint32_t>* drawn_from) {
  const size_t heads = options.labels.size();
  const Chains& chains = options.training.chains;
  const WarmStart* warm_start = options.encoders.warm_start;
  std::vector<model::Head> result;
  std::vector<std::vector<double>> served(heads);  // [heads][unseen rows]
  for (size_t head = 0; head < heads; ++head) {
    const std::vector<uint8_t>& labels = data.labels[head];
    const std::optional<size_t> after = chains.empty() ? std::nullopt : chains[head];
    std::vector<float> known;
    double positives = 0;
    std::vector<double> others;
    LabelledLogits factor;  // of those that say what the head's own factor is
    for (size_t i = 0; i < unseen.rows.size(); ++i) {
      const uint32_t row = unseen.rows[i];
      if (labels[row] == kUnknownLabel) continue;
      const float logit = unseen.logits[i * heads + head];
      known.push_back(logit);
      positives += labels[row];
      if (after) others.push_back(served[*after][i]);
      if (!after || data.labels[*after][row] == 1) factor.Add(logit, labels[row]);
    }
    model::Calibrator calibrator = ChooseCalibrator(options.calibration, factor.logits, factor.labels);
    if (drawn_from != nullptr) {
      positives = Rate(data, head, *drawn_from, /*warm_start=*/nullptr) * static_cast<double>(known.size());
    }
    if ((after || drawn_from != nullptr) && options.calibration != CalibrationKind::kNone) {
      MoveToSum(known, positives, others, &calibrator);
    }
    if (warm_start != nullptr && options.calibration != CalibrationKind::kNone) {
      calibrator = DrawnTowards(warm_start->snapshot().heads[head].calibrator, std::move(calibrator),
                                ShareOfNew(factor.labels));
    }
    for (size_t i = 0; i < unseen.rows.size(); ++i) {
      const double p = model::Calibrate(calibrator, unseen.logits[i * heads + head]);
      served[head].push_back(after ? p * served[*after][i] : p);
    }
    result.push_back(
        {options.labels[head].column, options.labels[head], /*base_rate=*/0, std::move(calibrator), after});
  }
  return result;
}

// `state` as a model with golden rows, whose heads have those calibrators. Its base rates are those of the
// rows that it learnt from.
absl::StatusOr<std::unique_ptr<TrainedModel>> MakeModel(const Dataset& data, const FitOptions& options,
                                                        State state, std::vector<model::Head> heads) {
  for (size_t head = 0; head < heads.size(); ++head)
    heads[head].base_rate = Rate(data, head, state.learnt_from, options.encoders.warm_start);
  model::Provenance provenance;
  provenance.trainer = kTrainerBuild;
  provenance.created_at = CreationTime();
  provenance.training_rows = state.learnt_from.size();
  provenance.seed = options.training.seed;
  auto made =
      std::make_unique<TrainedModel>(data.schema, state.layout, std::move(state.encoders),
                                     std::move(state.members), std::move(heads), std::move(provenance));
  const absl::StatusOr<std::vector<uint32_t>> golden = ChooseGoldenRows(data, state.learnt_from, kGoldenRows);
  if (!golden.ok()) return golden.status();
  const absl::StatusOr<Dataset> golden_rows = TakeRows(data, *golden);
  if (!golden_rows.ok()) return golden_rows.status();
  made->AddGoldenRows(*golden_rows);
  return made;
}

// The chains that the options name, or that the rows to learn from show; those are said in `notices`.
absl::StatusOr<Chains> ChainsFor(const Dataset& data, const Split& split, const FitOptions& options,
                                 std::vector<std::string>* notices) {
  if (options.after) return ResolveChains(*options.after, options.labels, data);
  std::vector<uint32_t> rows = split.training;
  rows.insert(rows.end(), split.tuning.begin(), split.tuning.end());
  Chains chains = InferChains(data, rows);
  for (size_t head = 0; head < chains.size(); ++head) {
    if (!chains[head]) continue;
    const std::string& name = options.labels[head].column;
    const std::string& before = options.labels[*chains[head]].column;
    notices->push_back(absl::StrCat("label '", name, "' is positive only where '", before,
                                    "' is: its probability is the product of ", before, "'s and of that of ",
                                    name, " given ", before, " (--after none: one by itself)"));
  }
  return chains;
}

absl::StatusOr<FittedModel> FitResolved(const Dataset& data, FitOptions options,
                                        const TrainingReport& report) {
  absl::StatusOr<Split> split = SplitRows(data.rows, options.split, options.validation_share,
                                          options.tuning_share, options.training.seed);
  if (!split.ok()) return split.status();
  FittedModel fitted;
  fitted.training_rows = split->training.size() + split->tuning.size();
  fitted.tuning_rows = split->tuning.size();
  fitted.validation_rows = split->validation.size();
  absl::Status status = CheckTrainingLabels(data, *split, options, &fitted.notices);
  if (!status.ok()) return status;
  absl::StatusOr<Chains> chains = ChainsFor(data, *split, options, &fitted.notices);
  if (!chains.ok()) return chains.status();
  options.training.chains = *std::move(chains);

  // Without the tuning rows first: they say when to stop, and how far the probabilities are off.
  const std::vector<TuningPart> parts = PartsFor(data, *split, options.tuning_share, options.training.seed);
  fitted.tuning_parts = parts.size();
  absl::StatusOr<Tuned> tuned = Tune(data, parts, options, report, &fitted);
  if (!tuned.ok()) return tuned.status();
  std::vector<uint32_t> all = split->training;
  all.insert(all.end(), split->tuning.begin(), split->tuning.end());
  std::sort(all.begin(), all.end());
  const bool drawn = parts.size() > 1;
  std::vector<model::Head> heads = CalibratedHeads(data, options, tuned->logits, drawn ? &all : nullptr);

  // Then with them, for as long. A model without them is kept meanwhile: it is what there is if this is cut
  // short.
  absl::StatusOr<State> trained = absl::CancelledError("interrupted");
  UnseenLogits validation_logits;
  if (!tuned->interrupted) {
    trained = TrainOnMore(std::move(all), data, *tuned, options, report,
                          ThinByWeight(data, split->validation, options.training.seed), &validation_logits);
  }
  if (absl::IsCancelled(trained.status())) {
    fitted.interrupted = true;
    fitted.best_epochs = tuned->state_epochs;
    fitted.training_rows = tuned->state.learnt_from.size();
    trained = std::move(tuned->state);
  }
  if (!trained.ok()) return trained.status();
  absl::StatusOr<std::unique_ptr<TrainedModel>> made =
      MakeModel(data, options, *std::move(trained), std::move(heads));
  if (!made.ok()) return made.status();
  fitted.model = *std::move(made);
  // Measured as it will be served, not as it was trained.
  const model::Model served(fitted.model->snapshot(),
                            *model::AvailableKernelSets(model::Precision::kF32).front());
  absl::StatusOr<std::vector<float>> probabilities =
      ScoreRows(served, data, split->validation, options.training.threads);
  if (!probabilities.ok()) return probabilities.status();
  fitted.validation_probabilities = *std::move(probabilities);
  fitted.validation = FiguresByHead(data, split->validation, fitted.validation_probabilities);
  if (!options.refit || fitted.interrupted) return fitted;

  std::vector<uint32_t> every(data.rows);
  std::iota(every.begin(), every.end(), 0U);
  absl::StatusOr<State> refitted =
      TrainOnMore(std::move(every), data, *tuned, options, report, {}, &validation_logits);
  if (absl::IsCancelled(refitted.status())) return fitted;
  if (!refitted.ok()) return refitted.status();
  // The measured model has not seen the validation rows, the newest ones; the tuning rows help where they
  // have few positives.
  const bool few = FewestOfAKind(data, split->validation) < kEnoughPositives;
  if (few) validation_logits.Add(tuned->logits.rows, tuned->logits.logits);
  heads = CalibratedHeads(data, options, validation_logits, few && drawn ? &refitted->learnt_from : nullptr);
  made = MakeModel(data, options, *std::move(refitted), std::move(heads));
  if (!made.ok()) return made.status();
  fitted.refitted = *std::move(made);
  return fitted;
}

}  // namespace

absl::StatusOr<FittedModel> FitModel(const Dataset& data, const FitOptions& options,
                                     const TrainingReport& report) {
  if (absl::Status status = CheckBatchNorm(options.training); !status.ok()) return status;
  FitOptions resolved = options;
  absl::StatusOr<std::vector<float>> weights =
      PositiveWeightsByHead(options.positive_weights, options.labels);
  if (!weights.ok()) return weights.status();
  resolved.training.positive_weights = *std::move(weights);
  uint64_t rows_trained = 0;
  uint64_t last = 0;
  absl::StatusOr<FittedModel> fitted = FitResolved(data, resolved, [&](const TrainingProgress& progress) {
    rows_trained += progress.rows > last ? progress.rows - last : progress.rows;  // or another training
    last = progress.rows;
    report(progress);
  });
  if (fitted.ok()) fitted->rows_trained = rows_trained;
  return fitted;
}

}  // namespace adscore::trainer

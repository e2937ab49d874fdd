#include "trainer/fit.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "trainer/calibration.h"
#include "trainer/evaluation.h"
#include "trainer/golden_rows.h"
#include "trainer/version.h"

namespace adscore::trainer {
namespace {

constexpr size_t kGoldenRows = 64;

uint64_t Positives(const std::vector<uint8_t>& labels, std::span<const uint32_t> rows) {
  return static_cast<uint64_t>(
      std::count_if(rows.begin(), rows.end(), [&](uint32_t row) { return labels[row] != 0; }));
}

double Rate(const std::vector<uint8_t>& labels, std::span<const uint32_t> rows) {
  return static_cast<double>(Positives(labels, rows)) / static_cast<double>(rows.size());
}

// Seconds since 1970; SOURCE_DATE_EPOCH, where it is set, makes a snapshot reproducible to the byte.
int64_t CreationTime() {
  int64_t fixed = 0;
  const char* epoch = std::getenv("SOURCE_DATE_EPOCH");
  if (epoch != nullptr && absl::SimpleAtoi(epoch, &fixed)) return fixed;
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

absl::Status CheckTrainingLabels(const Dataset& data, const Split& split, const FitOptions& options,
                                 std::vector<std::string>* notices) {
  for (size_t head = 0; head < options.labels.size(); ++head) {
    const std::string& name = options.labels[head].column;
    const uint64_t positives = Positives(data.labels[head], split.training);
    if (positives == 0 || positives == split.training.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the label '", name, "' is ", positives == 0 ? "never" : "always", " positive in the ",
                       split.training.size(), " rows to train on, though it varies in all ", data.rows,
                       ": if the rows are sorted by it, use --split random"));
    }
    if (Positives(data.labels[head], split.tuning) == 0) {
      notices->push_back(absl::StrCat("label '", name, "': none of the ", split.tuning.size(),
                                      " tuning rows is positive, so that its calibration is a guess"));
    }
    if (Positives(data.labels[head], split.validation) == 0) {
      notices->push_back(absl::StrCat("label '", name, "': none of the ", split.validation.size(),
                                      " validation rows is positive, so that AUC, normalised entropy and "
                                      "calibration can't be said"));
    }
  }
  return absl::OkStatus();
}

// Heads with their calibrators fitted to the tuning rows, which these logits' weights have never seen. Their
// base rates are not known yet.
std::vector<model::Head> CalibratedHeads(const Dataset& data, const Split& split, const FitOptions& options,
                                         std::span<const float> tuning_logits) {
  const size_t heads = options.labels.size();
  std::vector<model::Head> result;
  std::vector<float> logits(split.tuning.size());
  std::vector<uint8_t> labels(split.tuning.size());
  for (size_t head = 0; head < heads; ++head) {
    for (size_t i = 0; i < split.tuning.size(); ++i) {
      logits[i] = tuning_logits[i * heads + head];
      labels[i] = data.labels[head][split.tuning[i]];
    }
    result.push_back(
        {options.labels[head].column, options.labels[head], /*base_rate=*/0, FitCalibrator(logits, labels)});
  }
  return result;
}

}  // namespace

absl::StatusOr<FittedModel> FitModel(const Dataset& data, const FitOptions& options,
                                     const TrainingReport& report) {
  const TrainingOptions& training = options.training;
  absl::StatusOr<Split> split =
      SplitRows(data.rows, options.split, options.validation_share, options.tuning_share, training.seed);
  if (!split.ok()) return split.status();
  FittedModel fitted;
  fitted.training_rows = split->training.size() + split->tuning.size();
  fitted.tuning_rows = split->tuning.size();
  fitted.validation_rows = split->validation.size();
  absl::Status status = CheckTrainingLabels(data, *split, options, &fitted.notices);
  if (!status.ok()) return status;

  // Without the tuning rows first: they say when to stop, and how far the probabilities are off.
  std::vector<model::Head> heads;
  {
    const absl::StatusOr<FittedEncoders> encoders = FitEncoders(data, split->training, options.encoders);
    if (!encoders.ok()) return encoders.status();
    const InputLayout layout = LayOutInput(data.schema, encoders->encodings);
    const EncodedData rows(data, layout, *encoders, options.memory_bytes);
    absl::StatusOr<TrainingResult> trained =
        Train(rows, layout, split->training, split->tuning, training, report);
    if (!trained.ok()) return trained.status();
    fitted.best_epochs = trained->best_epochs;
    fitted.epochs = trained->epochs;
    fitted.rows_per_second = trained->rows_per_second;
    const absl::StatusOr<std::vector<float>> logits =
        ScoreLogits(rows, layout, split->tuning, trained->parameters, training.threads);
    if (!logits.ok()) return logits.status();
    heads = CalibratedHeads(data, *split, options, *logits);
  }

  // Then with them, for as long: in a log in time order they are the rows most like those to come.
  std::vector<uint32_t> learnt_from = split->training;
  learnt_from.insert(learnt_from.end(), split->tuning.begin(), split->tuning.end());
  std::sort(learnt_from.begin(), learnt_from.end());
  absl::StatusOr<FittedEncoders> encoders = FitEncoders(data, learnt_from, options.encoders);
  if (!encoders.ok()) return encoders.status();
  const InputLayout layout = LayOutInput(data.schema, encoders->encodings);
  absl::StatusOr<Parameters> parameters =
      TrainFor(fitted.best_epochs, EncodedData(data, layout, *encoders, options.memory_bytes), layout,
               learnt_from, training, report);
  if (!parameters.ok()) return parameters.status();
  for (size_t head = 0; head < heads.size(); ++head)
    heads[head].base_rate = Rate(data.labels[head], learnt_from);

  model::Provenance provenance;
  provenance.trainer = kTrainerBuild;
  provenance.created_at = CreationTime();
  provenance.training_rows = fitted.training_rows;
  provenance.seed = training.seed;
  fitted.model =
      std::make_unique<TrainedModel>(data.schema, layout, *std::move(encoders), *std::move(parameters),
                                     std::move(heads), std::move(provenance));
  const absl::StatusOr<std::vector<uint32_t>> golden = ChooseGoldenRows(data, learnt_from, kGoldenRows);
  if (!golden.ok()) return golden.status();
  const absl::StatusOr<Dataset> golden_rows = TakeRows(data, *golden);
  if (!golden_rows.ok()) return golden_rows.status();
  fitted.model->AddGoldenRows(*golden_rows);
  // Measured as it will be served, not as it was trained.
  const model::Model served(fitted.model->snapshot(),
                            *model::AvailableKernelSets(model::Precision::kF32).front());
  const absl::StatusOr<std::vector<float>> probabilities = ScoreRows(served, data, split->validation);
  if (!probabilities.ok()) return probabilities.status();
  fitted.validation = FiguresByHead(data, split->validation, *probabilities);
  return fitted;
}

}  // namespace adscore::trainer

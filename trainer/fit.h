// From a log to a model that can be published: split, encode, train, calibrate, measure.
//
// Not thread-safe. Deterministic: the same data, options and seed give the same snapshot, byte for byte, on
// processors of a kind, for any number of threads; only Provenance::created_at is the time (or
// SOURCE_DATE_EPOCH, if the environment has it).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/calibrator_choice.h"
#include "trainer/dataset.h"
#include "trainer/encoder_fitting.h"
#include "trainer/entire_space.h"
#include "trainer/metrics.h"
#include "trainer/split.h"
#include "trainer/trained_model.h"
#include "trainer/training_loop.h"

namespace adscore::trainer {

// What the loss of a head's positive rows counts for.
struct PositiveWeight {
  std::string head;  // empty: of all heads
  float weight = 1;
};

struct FitOptions {
  std::vector<model::Label> labels;
  SplitKind split = SplitKind::kTail;
  double validation_share = 0.1;
  double tuning_share = 0.1;  // of the rows that are not for validation
  size_t members = 1;         // networks whose logits are averaged, each from a seed of its own
  // After the model has been measured, train another one on all rows, the validation rows with them, for as
  // long: the newest rows are those most like the ones to come.
  bool refit = false;
  CalibrationKind calibration = CalibrationKind::kAuto;
  EncoderOptions encoders;
  TrainingOptions training;
  // Become TrainingOptions::positive_weights.
  std::vector<PositiveWeight> positive_weights{};
  // Become TrainingOptions::chains. Nothing: what the rows leave no doubt about (InferChains).
  std::optional<std::vector<HeadAfter>> after = std::vector<HeadAfter>{};
  // For encoded rows, if the data set has a cache: otherwise all of them are in memory.
  size_t memory_bytes = size_t{1} << 30;
};

struct FittedModel {
  std::unique_ptr<TrainedModel> model;  // what was measured
  std::unique_ptr<TrainedModel>
      refitted;              // what FitOptions::refit asks for; otherwise, or if that was stopped, null
  size_t training_rows = 0;  // that `model` was learnt from: with the tuning rows
  size_t tuning_rows = 0;
  size_t tuning_parts = 1;  // parts of so many rows that took turns at tuning
  size_t validation_rows = 0;
  std::vector<HeadFigures> validation;          // by head, over rows that nothing was fitted to or chosen by
  std::vector<float> validation_probabilities;  // that `model` gives those rows: [rows][heads]
  double best_epochs = 0;                       // epochs behind the published state: mean over the members
  double epochs = 0;                            // epochs run, likewise
  // Training was stopped (TrainingOptions::stop): this is the best state until then, without the tuning rows.
  bool interrupted = false;
  double rows_per_second = 0;        // of the training loop
  uint64_t rows_trained = 0;         // by it: each epoch of each training anew
  std::vector<LossLook> history;     // looks at the tuning rows, in order
  std::vector<std::string> notices;  // what a person should know about the result, one line each

  const TrainedModel& published() const { return refitted != nullptr ? *refitted : *model; }
};

// InvalidArgument if there are too few rows, a positive weight names no head, one follows another that it
// can't follow (ResolveChains), a label is the same in all training rows, or training diverges; Cancelled if
// it is stopped before there is a state worth keeping; and the errors of reading a cache.
absl::StatusOr<FittedModel> FitModel(const Dataset& data, const FitOptions& options,
                                     const TrainingReport& report);

}  // namespace adscore::trainer

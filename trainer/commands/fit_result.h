// What becomes of a fitted model: it is published, judged, reported and shown. `fit` and `tune` end with it.
//
// Not thread-safe: flags are filled while the command line is parsed, and constant afterwards.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "trainer/commands/fit_assessment.h"
#include "trainer/commands/interruption.h"
#include "trainer/commands/log_flags.h"
#include "trainer/fit.h"
#include "trainer/output_file.h"
#include "trainer/progress_line.h"

namespace adscore::trainer {

struct ResultFlags {
  std::string model_root;
  std::string model;
  std::string training_window;
  size_t keep = 0;  // versions; 0: all
  std::string report;
  bool no_refit = false;
  bool publish_anyway = false;
  bool json = false;
};

// All but --model-root and --model (commands/model_flags.h). `flags` must live as long as `command`.
void AddResultFlags(CLI::App* command, ResultFlags* flags);

// Shows on `line` how far a training is, and keeps it in `last`.
TrainingReport TrainingOn(ProgressLine* line, TrainingProgress* last);

// What the fit was, for those who show it.
struct FitRun {
  const ResultFlags& flags;
  const LogFlags& log_flags;
  const FitOptions& options;
  const Log& log;
  std::chrono::steady_clock::time_point begin;
  std::optional<int64_t> parent_version;  // that it goes on from; otherwise it follows the newest one
  TrainingProgress last_progress{};       // of the training that was cut short, if one was
};

// Judges what was fitted, publishes it, writes the report (null: none) and prints what there is to know;
// `more` is added to the JSON object, and `more_text` comes before the rest of the text. Cancelled, once all
// that is done, if the training was interrupted: the message says what was kept. FailedPrecondition, and
// nothing is published, if it is worse than the base rate; that of an interrupted training is published.
absl::Status Conclude(const FitRun& run, FittedModel fitted, FitAssessment assessment, OutputFile* report,
                      Interruption* interruption, const nlohmann::ordered_json& more = {},
                      const std::string& more_text = {});

}  // namespace adscore::trainer

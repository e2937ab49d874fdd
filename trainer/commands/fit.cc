#include "trainer/commands/fit.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "cli/flag_checks.h"
#include "trainer/commands/fit_result.h"
#include "trainer/commands/interruption.h"
#include "trainer/commands/log_flags.h"
#include "trainer/commands/model_flags.h"
#include "trainer/commands/report_content.h"
#include "trainer/commands/training_flags.h"
#include "trainer/commands/warm_start_flag.h"
#include "trainer/fit.h"
#include "trainer/progress_line.h"

namespace adscore::trainer {
namespace {

struct FitFlags {
  LogFlags log;
  ResultFlags result;
  size_t progressive = 0;  // parts; 0: none
  TrainingFlags training;
  std::string warm_start;
};

absl::Status Fit(const FitFlags& flags) {
  const auto begin = std::chrono::steady_clock::now();
  Interruption interruption("interrupted: nothing was published");
  if (flags.progressive > 0 && flags.log.split != "tail") {
    return absl::InvalidArgumentError(
        "--progressive takes the rows in time order, and --split random says that they are in none: leave "
        "out "
        "one of them");
  }
  const absl::StatusOr<Sources> sources = Sources::Parse(flags.log.data);
  if (!sources.ok()) return sources.status();
  const absl::StatusOr<std::unique_ptr<OutputFile>> report = OpenReport(flags.result.report, *sources);
  if (!report.ok()) return report.status();
  FitOptions options = flags.training.Options();
  flags.log.SetOptions(&options);
  options.training.stop = &interruption.flag();
  std::unique_ptr<const ChosenStart> start;
  if (!flags.warm_start.empty()) {
    absl::StatusOr<std::unique_ptr<const ChosenStart>> opened = OpenWarmStart(
        flags.warm_start, flags.result.model_root, flags.result.model, flags.training, &options);
    if (!opened.ok()) return opened.status();
    start = *std::move(opened);
  }

  ProgressLine line;
  const absl::StatusOr<Log> log = ReadLog(
      flags.log, *sources, options, start == nullptr ? nullptr : &start->start->snapshot().schema, &line);
  if (!log.ok()) return log.status();
  if (start == nullptr) flags.training.SuitTo(log->data, &options);
  FitRun run{flags.result, flags.log, options, *log, begin, std::nullopt};
  if (start != nullptr) run.parent_version = start->version;
  const TrainingReport training = TrainingOn(&line, &run.last_progress);
  FitAssessment assessment;
  if (flags.progressive > 0) {
    absl::StatusOr<ProgressiveResult> progressive =
        ProgressiveValidation(log->data, options, flags.progressive, training);
    line.Clear();
    if (!progressive.ok()) return progressive.status();
    assessment.progressive = *std::move(progressive);
  }
  interruption.SetFlag("interrupted: finishing with the best state so far; once more ends at once",
                       "interrupted twice: nothing was published");
  options.refit = !flags.result.no_refit;
  absl::StatusOr<FittedModel> fitted = FitModel(log->data, options, training);
  line.Clear();
  if (!fitted.ok()) return fitted.status();
  return Conclude(run, *std::move(fitted), std::move(assessment), report->get(), &interruption);
}

}  // namespace

void AddFitCommand(CLI::App& app, std::function<absl::Status()>& run) {
  CLI::App* command = app.add_subcommand(
      "fit",
      "Learn from a log of impressions and publish a snapshot.\n"
      "The rows are split in three: training rows, which encoders and "
      "weights are fitted to; a tenth of them set apart\n"
      "for tuning, which decide when to stop and calibrate the heads; and "
      "validation rows, which decide nothing and\n"
      "give the figures that are printed. What is published is then trained anew on all of them (--no-refit: "
      "is not).\n"
      "Ctrl-C while it trains: the best state so far is published, and the exit code is 130.");
  const auto flags = std::make_shared<FitFlags>();  // lives as long as the command that parses into it
  AddNewVersionFlags(command, &flags->result.model_root, &flags->result.model);
  AddLogFlags(command, &flags->log);
  AddTrainingFlags(command, &flags->training);
  command
      ->add_option(
          "--progressive", flags->progressive,
          "Before the fit, progressive validation: cut the later half of the rows, which must be in "
          "time order, into so many parts, and score each with a model fitted to all rows before it. "
          "Takes about three quarters of the fit's time for each part")
      ->type_name("N")
      ->check(cli::WholeNumber(1, 100));
  AddWarmStartFlag(command, &flags->warm_start);
  AddResultFlags(command, &flags->result);
  command->callback([flags, &run] { run = [flags] { return Fit(*flags); }; });
}

}  // namespace adscore::trainer

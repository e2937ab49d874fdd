#include "trainer/commands/tune.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "cli/flag_checks.h"
#include "data/cell.h"
#include "trainer/commands/fit_result.h"
#include "trainer/commands/interruption.h"
#include "trainer/commands/log_flags.h"
#include "trainer/commands/model_flags.h"
#include "trainer/commands/report_content.h"
#include "trainer/commands/training_flags.h"
#include "trainer/fit.h"
#include "trainer/manifest.h"
#include "trainer/progress_line.h"
#include "trainer/tuning.h"
#include "trainer/tuning_space.h"
#include "trainer/version.h"

namespace adscore::trainer {
namespace {

constexpr size_t kTrialsShown = 10;

struct TuneFlags {
  LogFlags log;
  ResultFlags result;
  TrainingFlags training;
  std::string budget = "10m";
  size_t trials = 100;
  std::string directory;
};

// All that an outcome depends on: outcomes of another search are worth nothing here.
std::string Fingerprint(const Dataset& data, const FitOptions& options, const std::string& fixed) {
  std::string all = absl::StrCat(kTrainerBuild, model::SchemaToJson(data.schema), OptionsToJson(options), " ",
                                 options.validation_share, " ", static_cast<int>(options.split), " ", fixed);
  const auto add = [&all](const auto& values) {
    const std::string_view bytes(reinterpret_cast<const char*>(values.data()),
                                 values.size() * sizeof(values[0]));
    absl::StrAppend(&all, " ", absl::Hex(data::TokenHash(bytes)));
  };
  for (const std::vector<uint8_t>& labels : data.labels) add(labels);
  add(data.weights);
  for (const Column& column : data.columns) {
    add(column.numeric);
    add(column.tokens);
    add(column.multi);
    add(column.multi_count);
  }
  return absl::StrCat(absl::Hex(data::TokenHash(all), absl::kZeroPad16));
}

std::string Minutes(double seconds) {
  const auto whole = static_cast<int>(std::max(seconds, 0.0));
  return absl::StrFormat("%d:%02d", whole / 60, whole % 60);
}

void Show(const TuningProgress& progress, ProgressLine* line) {
  if (!line->Due()) return;
  std::string text = absl::StrFormat("%s left, trial %d, rung %d%s%s", Minutes(progress.seconds_left),
                                     progress.job.trial + 1, progress.job.rung + 1,
                                     progress.changes.empty() ? " (the default)" : ": ", progress.changes);
  if (progress.default_loss > 0) {
    text = absl::StrFormat("%s; best loss %.5f, of the default %.5f", text, progress.best_loss,
                           progress.default_loss);
  }
  line->Show(text);
}

nlohmann::ordered_json ToJson(const TuningResult& tuned, const std::string& directory) {
  nlohmann::ordered_json trials = nlohmann::ordered_json::array();
  for (const TunedTrial& trial : tuned.trials) {
    trials.push_back({{"trial", trial.trial + 1},
                      {"flags", trial.changes},
                      {"loss", trial.loss},  // null if it is infinite
                      {"share_of_rows", trial.share},
                      {"seeds", trial.seeds}});
  }
  return {{"tune",
           {{"best_trial", tuned.best_trial + 1},
            {"best_loss", tuned.best_loss},
            {"default_loss", tuned.default_loss},
            {"directory", directory},
            {"trials", trials}}}};
}

std::string ToText(const TuningResult& tuned, const std::string& directory) {
  std::string text =
      absl::StrFormat("%d trials, by their loss on the validation rows\n%5s  %-9s  %4s  %5s  %s\n",
                      tuned.trials.size(), "trial", "loss", "rows", "seeds", "flags");
  for (size_t i = 0; i < std::min(tuned.trials.size(), kTrialsShown); ++i) {
    const TunedTrial& trial = tuned.trials[i];
    absl::StrAppendFormat(&text, "%5d  %.6f  %3.0f%%  %5d  %s\n", trial.trial + 1, trial.loss,
                          100 * trial.share, trial.seeds,
                          trial.changes.empty() ? "(the default)" : trial.changes);
  }
  if (tuned.trials.size() > kTrialsShown) {
    absl::StrAppendFormat(&text, "and %d more, in --json\n", tuned.trials.size() - kTrialsShown);
  }
  if (!tuned.compared) {
    absl::StrAppend(&text, "the budget did not suffice for a comparison: the default is published\n");
  } else if (tuned.best_trial == kDefaultTrial) {
    absl::StrAppend(&text, "none was better than the default\n");
  } else {
    absl::StrAppendFormat(&text, "trial %d is published: %.2f%% lower loss than the default\n",
                          tuned.best_trial + 1, 100 * (1 - tuned.best_loss / tuned.default_loss));
  }
  absl::StrAppend(&text, "go on searching: the same command again; what is known is in ", directory, "\n\n");
  return text;
}

absl::Status Tune(const TuneFlags& flags) {
  const auto begin = std::chrono::steady_clock::now();
  Interruption interruption("interrupted: nothing was published");
  const absl::StatusOr<Sources> sources = Sources::Parse(flags.log.data);
  if (!sources.ok()) return sources.status();
  const absl::StatusOr<std::unique_ptr<OutputFile>> report = OpenReport(flags.result.report, *sources);
  if (!report.ok()) return report.status();
  FitOptions base = flags.training.Options();
  flags.log.SetOptions(&base);
  ProgressLine line;
  const absl::StatusOr<Log> log = ReadLog(flags.log, *sources, base, /*schema=*/nullptr, &line);
  if (!log.ok()) return log.status();
  if (log->data.cache != nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("tune needs all rows in memory, and ", sources->ToString(),
                                                   " does not fit into --memory ", flags.log.memory,
                                                   ": give it more, or tune on a part of the log"));
  }
  flags.training.SuitTo(log->data, &base);
  const std::string directory = flags.directory.empty()
                                    ? absl::StrCat(flags.result.model_root, "/", flags.result.model, "/.tune")
                                    : flags.directory;
  TuningOptions options;
  options.trials = flags.trials;
  options.fixed = [&flags](const std::string& flag) { return flags.training.Given(flag); };
  const absl::StatusOr<std::unique_ptr<TuningState>> state =
      TuningState::Open(directory, Fingerprint(log->data, base, DescribeFixed(options.fixed)));
  if (!state.ok()) return state.status();
  interruption.EndAtOnce(absl::StrCat("interrupted: nothing was published, but what is known is kept in ",
                                      directory, ": the same command goes on from there"));
  options.budget = ParseBudget(flags.budget).value() - (std::chrono::steady_clock::now() - begin);
  const absl::StatusOr<TuningResult> tuned =
      TuneOptions(log->data, base, options, state->get(),
                  [&line](const TuningProgress& progress) { Show(progress, &line); });
  line.Clear();
  if (!tuned.ok()) return tuned.status();
  FitOptions best = tuned->best;
  best.refit = !flags.result.no_refit;
  FitRun run{flags.result, flags.log, best, *log, begin, std::nullopt};
  absl::StatusOr<FittedModel> fitted = FitModel(log->data, best, TrainingOn(&line, &run.last_progress));
  line.Clear();
  if (!fitted.ok()) return fitted.status();
  if (tuned->best_trial != kDefaultTrial) {
    fitted->notices.push_back(
        "the options were chosen by the validation rows, so that the figures are a little too "
        "good: evaluate on a later log");
  }
  return Conclude(run, *std::move(fitted), {}, report->get(), &interruption, ToJson(*tuned, directory),
                  ToText(*tuned, directory));
}

}  // namespace

absl::StatusOr<std::chrono::duration<double>> ParseBudget(std::string_view flag) {
  const std::string text(flag);
  double seconds = 0;
  // SimpleAtod leaves in its result what it could read of a text that is more than a number.
  if (!absl::SimpleAtod(text, &seconds)) {
    absl::Duration duration;
    seconds = absl::ParseDuration(text, &duration) ? absl::ToDoubleSeconds(duration) : 0;
  }
  if (seconds >= 1 && seconds <= 1e7) return std::chrono::duration<double>(seconds);
  return absl::InvalidArgumentError(absl::StrCat(
      cli::Quoted(text), " is no time of at least a second: write seconds, or such as 90s, 10m or 2h"));
}

void AddTuneCommand(CLI::App& app, std::function<absl::Status()>& run) {
  CLI::App* command = app.add_subcommand(
      "tune",
      "Look for better training options, then fit with the best ones and publish, as fit does.\n"
      "Trial 1 is the default; then come settings that have been good elsewhere, ensembles of three networks "
      "among\nthem, which cost three times as much to serve (--ensemble 1: none), and then ones drawn at "
      "random "
      "around what the\nflags say. A flag that is given is not changed. Each trial is fitted to a quarter of "
      "the "
      "rows first; one of three\ngoes on to all rows, and the best of those are run with two more seeds.\n"
      "They are judged by the validation rows alone: what is published is never worse on them than the "
      "default.\n"
      "Each outcome is kept at once: after Ctrl-C (exit code 130) or a crash the same command goes on.");
  const auto flags = std::make_shared<TuneFlags>();  // lives as long as the command that parses into it
  AddNewVersionFlags(command, &flags->result.model_root, &flags->result.model);
  AddLogFlags(command, &flags->log);
  command
      ->add_option("--budget", flags->budget,
                   "Time for all of it, the last fit included: seconds, or 90s, 10m, 2h")
      ->type_name("TIME")
      ->check(cli::CheckedBy(&ParseBudget))
      ->capture_default_str();
  command->add_option("--trials", flags->trials, "Trials, at most, the default one included")
      ->type_name("N")
      ->check(cli::WholeNumber(1, 100'000))
      ->capture_default_str();
  command
      ->add_option("--tune-dir", flags->directory,
                   "Where outcomes are kept, for the next run with the same data and flags. Without it "
                   "ROOT/NAME/.tune")
      ->type_name("DIR");
  AddTrainingFlags(command, &flags->training);
  AddResultFlags(command, &flags->result);
  command->callback([flags, &run] { run = [flags] { return Tune(*flags); }; });
}

}  // namespace adscore::trainer

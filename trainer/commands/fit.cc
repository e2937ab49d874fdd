#include "trainer/commands/fit.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cli/flag_checks.h"
#include "data/file_version.h"
#include "model/model_root.h"
#include "model/rollout.h"
#include "trainer/commands/fit_assessment.h"
#include "trainer/commands/report_content.h"
#include "trainer/commands/schema_flags.h"
#include "trainer/commands/training_flags.h"
#include "trainer/dataset_reader.h"
#include "trainer/figures_report.h"
#include "trainer/fit.h"
#include "trainer/json_text.h"
#include "trainer/label_check.h"
#include "trainer/manifest.h"
#include "trainer/number_check.h"
#include "trainer/progress_line.h"
#include "trainer/publisher.h"
#include "trainer/retention.h"
#include "trainer/training_window.h"

namespace adscore::trainer {
namespace {

using Clock = std::chrono::steady_clock;

struct FitFlags {
  SchemaFlags data;
  std::string model_root;
  std::string model;
  std::string schema;
  double validation = 0.1;
  std::string split = "tail";
  std::string training_window;
  size_t memory = 1024;  // MiB
  std::string cache_dir;
  size_t keep = 0;         // versions; 0: all
  size_t progressive = 0;  // parts; 0: none
  std::string report;
  bool json = false;
  TrainingFlags training;
};

// What the file looks like, without a look at the validation rows.
absl::StatusOr<InferredSchema> InferFrom(const FitFlags& flags, const FitOptions& options,
                                         const ReadProgress& progress) {
  InferenceOptions inference = flags.data.Inference();
  // The last rows are never looked at if there are this many, and need not be counted.
  const bool tail = options.split == SplitKind::kTail;
  const auto enough = static_cast<uint64_t>(
      std::ceil(static_cast<double>(inference.sample_rows + 1) / (1 - options.validation_share)));
  const absl::StatusOr<uint64_t> rows =
      CountRows(flags.data.data, flags.data.Format(), tail ? enough : UINT64_MAX, progress);
  if (!rows.ok()) return rows.status();
  if (tail && *rows == enough) return InferSchema(flags.data.data, flags.data.Format(), inference);
  absl::StatusOr<Split> split =
      SplitRows(*rows, options.split, options.validation_share, options.tuning_share, options.training.seed);
  // Too few rows to split are reported by the fit, after what else may be wrong with them.
  if (split.ok()) inference.held_out = std::move(split->validation);
  return InferSchema(flags.data.data, flags.data.Format(), inference);
}

absl::StatusOr<InferredSchema> ReadSchema(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  std::error_code not_there;
  if (!file || std::filesystem::is_directory(path, not_there)) {
    return absl::NotFoundError(absl::StrCat("can't read --schema ", path, ": it is ",
                                            file ? "a directory" : "not there, or not to be read",
                                            "; `adscore-trainer schema` prints a schema to start from"));
  }
  absl::StatusOr<model::Schema> schema = model::SchemaFromJson(text.str());
  if (!schema.ok()) {
    return absl::Status(schema.status().code(),
                        absl::StrCat("--schema ", path, ": ", schema.status().message()));
  }
  return InferredSchema{*std::move(schema), {}};
}

// `doing` begins the line: "reading".
ReadProgress ReadingOn(ProgressLine* line, const std::string& doing, const std::string& path) {
  return [line, doing, path](uint64_t rows, uint64_t bytes_read, uint64_t bytes_total) {
    if (!line->Due()) return;
    line->Show(absl::StrFormat(
        "%s %s: %d rows, %.0f%%", doing, path, rows,
        100.0 * static_cast<double>(bytes_read) / static_cast<double>(std::max<uint64_t>(bytes_total, 1))));
  };
}

TrainingReport TrainingOn(ProgressLine* line) {
  return [line](const TrainingProgress& p) {
    if (!line->Due()) return;
    const double seconds_per_epoch = static_cast<double>(p.rows) / p.epochs_done / p.rows_per_second;
    const double seconds_left = std::max(0.0, p.epochs - p.epochs_done) * seconds_per_epoch;
    if (p.tuning_loss > 0) {
      line->Show(absl::StrFormat(
          "epoch %.2f of at most %.0f, %.0f rows/s, training loss %.4f, tuning loss %.4f, at most %.0f s "
          "left",
          p.epochs_done, p.epochs, p.rows_per_second, p.training_loss, p.tuning_loss, seconds_left));
    } else {
      line->Show(absl::StrFormat(
          "with the tuning rows: epoch %.2f of %.2f, %.0f rows/s, training loss %.4f, %.0f s left",
          p.epochs_done, p.epochs, p.rows_per_second, p.training_loss, seconds_left));
    }
  };
}

absl::StatusOr<Published> PublishFitted(const FitFlags& flags, const FitOptions& options,
                                        const FittedModel& fitted, uint64_t rows) {
  model::Snapshot snapshot = fitted.model->snapshot();  // of views: the tables are not copied
  if (!flags.training_window.empty()) {
    const TrainingWindow window = ParseTrainingWindow(flags.training_window).value();
    snapshot.provenance.training_from = window.from;
    snapshot.provenance.training_to = window.to;
  }
  return Publish(
      flags.model_root, flags.model, snapshot, [&](int64_t version, const model::Provenance& provenance) {
        return ManifestJson(flags.model, version, provenance, flags.data.data, rows, options, fitted);
      });
}

void PrintJson(const FitFlags& flags, const Published& published, const std::vector<int64_t>& removed,
               const FittedModel& fitted, const FitAssessment& assessment, uint64_t rows, double seconds) {
  const std::vector<model::Head>& heads = fitted.model->snapshot().heads;
  const nlohmann::ordered_json figures = FiguresToJson(heads, fitted.validation);
  nlohmann::ordered_json json = {{"model", flags.model},
                                 {"version", published.version},
                                 {"parent_version", published.parent_version},
                                 {"removed_versions", removed},
                                 {"directory", published.directory},
                                 {"snapshot_bytes", published.snapshot_bytes},
                                 {"rows", rows},
                                 {"training_rows", fitted.training_rows},
                                 {"tuning_rows", fitted.tuning_rows},
                                 {"validation_rows", fitted.validation_rows},
                                 {"seconds", seconds},
                                 {"rows_per_second", fitted.rows_per_second},
                                 {"tuning_parts", fitted.tuning_parts},
                                 {"members", fitted.model->snapshot().members},
                                 {"epochs_run", fitted.epochs},
                                 {"epochs_published", fitted.best_epochs},
                                 {"heads", figures},
                                 {"validation", {{"rows", fitted.validation_rows}, {"heads", figures}}},
                                 {"notices", fitted.notices}};
  json.update(AssessmentToJson(heads, assessment));
  std::printf("%s\n", JsonText(json).c_str());
}

void PrintSummary(const FitFlags& flags, const Published& published, const FittedModel& fitted,
                  const FitAssessment& assessment, uint64_t rows, double seconds) {
  const model::Snapshot& snapshot = fitted.model->snapshot();
  for (const std::string& notice : fitted.notices) std::printf("note: %s\n", notice.c_str());
  absl::PrintF("%s version %d: %d features, %d parameters, from %d rows of %s in %.1f s\n", flags.model,
               published.version, snapshot.schema.features.size(), fitted.model->parameters(), rows,
               flags.data.data, seconds);
  absl::PrintF(
      "trained on %d rows at %.0f rows/s: the %d of them kept for tuning were best after %.2f of %.2f "
      "epochs, so that\nit was trained anew on all of them for that long\n",
      fitted.training_rows, fitted.rows_per_second, fitted.tuning_rows, fitted.best_epochs, fitted.epochs);
  if (fitted.tuning_parts > 1) {
    absl::PrintF("few of the tuning rows are positive: %d tenths of the rows took turns at tuning\n",
                 fitted.tuning_parts);
  }
  if (snapshot.members > 1) absl::PrintF("%d networks, whose mean is served\n", snapshot.members);
  std::printf("\n");
  std::printf("%s", FiguresToTable(snapshot.heads, fitted.validation).c_str());
  std::printf(
      "measured on the %s %zu rows, which nothing was fitted to or chosen by; norm. ent. is the log loss as "
      "a\n"
      "share of that of always saying the base rate, calibration is predicted ÷ actual (1 is right)\n\n",
      flags.split == "tail" ? "last" : "randomly drawn", fitted.validation_rows);
  std::printf("%s\n", AssessmentToText(snapshot.heads, assessment).c_str());
  std::printf("snapshot: %s/snapshot (%.1f MB), with manifest.json beside it\n", published.directory.c_str(),
              static_cast<double>(published.snapshot_bytes) / 1e6);
  if (!flags.report.empty()) std::printf("report: %s\n", flags.report.c_str());
  std::printf("serve it: adscore-server --model-root %s\n", flags.model_root.c_str());
}

// The newest ones stay, and what operators have pinned or are trying out.
absl::StatusOr<std::vector<int64_t>> RemoveAllBut(const FitFlags& flags) {
  const absl::StatusOr<model::Rollout> rollout = model::ReadRollout(flags.model_root, flags.model);
  if (!rollout.ok()) return rollout.status();
  return RemoveOldVersions(flags.model_root, flags.model, flags.keep, rollout->Versions());
}

absl::Status Fit(const FitFlags& flags) {
  const Clock::time_point begin = Clock::now();
  if (flags.progressive > 0 && flags.split != "tail") {
    return absl::InvalidArgumentError(
        "--progressive takes the rows in time order, and --split random says that they are in none: leave "
        "out "
        "one of them");
  }
  const absl::StatusOr<std::unique_ptr<OutputFile>> report = OpenReport(flags.report, flags.data.data);
  if (!report.ok()) return report.status();
  FitOptions options = flags.training.Options();
  options.labels = flags.data.Labels();
  options.split = ParseSplitKind(flags.split).value();
  options.validation_share = flags.validation;
  options.memory_bytes = flags.memory << 20;

  ProgressLine line;
  const absl::StatusOr<data::FileVersion> file = data::FileVersion::Of(flags.data.data);
  if (!file.ok()) return file.status();
  absl::StatusOr<InferredSchema> inferred =
      flags.schema.empty() ? InferFrom(flags, options, ReadingOn(&line, "counting", flags.data.data))
                           : ReadSchema(flags.schema);
  line.Clear();
  if (!inferred.ok()) return inferred.status();
  std::vector<std::string> notices = std::move(inferred->notices);
  for (const std::string& notice : notices) std::fprintf(stderr, "schema: %s\n", notice.c_str());
  const absl::StatusOr<Dataset> data =
      ReadDataset(flags.data.data, flags.data.Format(), inferred->schema, options.labels,
                  /*labels_required=*/true, ReadingOn(&line, "reading", flags.data.data),
                  {options.memory_bytes, flags.cache_dir});
  line.Clear();
  absl::Status status = file->CheckUnchanged();
  if (!status.ok()) return status;
  if (!data.ok()) return data.status();
  if (data->cache != nullptr && (flags.progressive > 0 || !flags.report.empty())) {
    return absl::InvalidArgumentError(absl::StrCat(flags.progressive > 0 ? "--progressive" : "--report",
                                                   " needs all rows in memory, and ", flags.data.data,
                                                   " does not fit into --memory ", flags.memory,
                                                   ": give it more, or leave the flag out"));
  }
  status = CheckLabels(*data, options.labels, flags.data.data, flags.data.Format());
  if (status.ok()) status = CheckNumbers(*data, flags.data.data);
  if (!status.ok()) return status;
  for (std::string& notice : NumberNotices(*data)) {
    std::fprintf(stderr, "note: %s\n", notice.c_str());
    notices.push_back(std::move(notice));
  }
  FitAssessment assessment;
  if (flags.progressive > 0) {
    absl::StatusOr<ProgressiveResult> progressive =
        ProgressiveValidation(*data, options, flags.progressive, TrainingOn(&line));
    line.Clear();
    if (!progressive.ok()) return progressive.status();
    assessment.progressive = *std::move(progressive);
  }
  absl::StatusOr<FittedModel> fitted = FitModel(*data, options, TrainingOn(&line));
  line.Clear();
  if (!fitted.ok()) return fitted.status();
  if (status = Assess(*data, options, *fitted, &assessment); !status.ok()) return status;
  const absl::StatusOr<Published> published = PublishFitted(flags, options, *fitted, data->rows);
  if (!published.ok()) return published.status();
  absl::StatusOr<std::vector<int64_t>> removed = std::vector<int64_t>();
  if (flags.keep > 0) removed = RemoveAllBut(flags);
  const std::vector<std::string> later_notices = fitted->notices;
  fitted->notices.insert(fitted->notices.begin(), notices.begin(), notices.end());
  if (*report != nullptr) {
    status = ReportFit({absl::StrCat(flags.model, " version ", published->version), flags.data.data,
                        flags.data.Format(), published->directory},
                       options, *data, *fitted, assessment, report->get());
    if (!status.ok()) {
      return absl::Status(status.code(), absl::StrCat("version ", published->version,
                                                      " is published, but its report could not be written: ",
                                                      status.message()));
    }
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  if (flags.json) {
    PrintJson(flags, *published, removed.value_or(std::vector<int64_t>()), *fitted, assessment, data->rows,
              seconds);
  } else {
    fitted->notices = later_notices;  // a person has seen the others on standard error by now
    PrintSummary(flags, *published, *fitted, assessment, data->rows, seconds);
    if (removed.ok() && !removed->empty()) {
      std::printf("removed %s: --keep %zu\n", absl::StrJoin(*removed, ", ").c_str(), flags.keep);
    }
  }
  if (!removed.ok()) {
    return absl::Status(removed.status().code(), absl::StrCat("version ", published->version,
                                                              " is published, but old ones could not be "
                                                              "removed: ",
                                                              removed.status().message()));
  }
  return absl::OkStatus();
}

}  // namespace

void AddFitCommand(CLI::App& app, std::function<absl::Status()>& run) {
  CLI::App* command = app.add_subcommand("fit",
                                         "Learn from a log of impressions and publish a snapshot.\n"
                                         "The rows are split in three: training rows, which encoders and "
                                         "weights are fitted to; a tenth of them set apart\n"
                                         "for tuning, which decide when to stop and calibrate the heads; and "
                                         "validation rows, which decide nothing and\n"
                                         "give the figures that are printed.");
  const auto flags = std::make_shared<FitFlags>();  // lives as long as the command that parses into it
  AddSchemaFlags(command, &flags->data);
  command
      ->add_option("--model-root", flags->model_root,
                   "Directory of models, made if it is not there: the version appears as ROOT/NAME/VERSION")
      ->required()
      ->type_name("DIR");
  command->add_option("--model", flags->model, "The model's name")
      ->required()
      ->type_name("NAME")
      ->check(cli::CheckedBy(&model::CheckModelName));
  command
      ->add_option("--schema", flags->schema,
                   "Features, as JSON: what `adscore-trainer schema` prints, edited. Without it, the schema "
                   "is inferred from the data")
      ->type_name("FILE")
      ->excludes("--ignore")
      ->excludes("--context");
  command->add_option("--validation", flags->validation, "Share of the rows kept for the figures")
      ->type_name("0.001..0.9")
      ->check(cli::Number(0.001, 0.9))
      ->capture_default_str();
  command
      ->add_option("--split", flags->split,
                   "Which rows those are: the last ones (tail; right for a log in time order) or random ones")
      ->type_name("tail|random")
      ->check(cli::CheckedBy(&ParseSplitKind))
      ->capture_default_str();
  AddTrainingFlags(command, &flags->training);
  command
      ->add_option(
          "--memory", flags->memory,
          "MiB for the rows, as they are read and as they are encoded. A log that needs more is cached "
          "on disk and\ntrained on in parts of several hundred thousand rows, with about half of this "
          "in memory")
      ->type_name("MIB")
      ->check(cli::WholeNumber(16, 1 << 24))
      ->capture_default_str();
  command
      ->add_option("--cache-dir", flags->cache_dir,
                   "Where that cache is; it takes up to 1.5 times the plain text, and is gone with "
                   "the\nprocess. Without it $TMPDIR, or /tmp")
      ->type_name("DIR");
  command
      ->add_option("--training-window", flags->training_window,
                   "The time that the log covers, to be recorded: ISO 8601 dates or times, UTC unless they "
                   "say otherwise, such as 2026-01-01/2026-01-31 (both days included)")
      ->type_name("FROM/TO")
      ->check(cli::CheckedBy(&ParseTrainingWindow));
  command
      ->add_option("--keep", flags->keep,
                   "Versions of this model to keep in the model root, the newest ones: after the publish, "
                   "older ones are removed, but none that rollout.json names. Without it all stay")
      ->type_name("N")
      ->check(cli::WholeNumber(1, 1'000'000));
  command
      ->add_option(
          "--progressive", flags->progressive,
          "Before the fit, progressive validation: cut the later half of the rows, which must be in "
          "time order, into so many parts, and score each with a model fitted to all rows before it. "
          "Takes about three quarters of the fit's time for each part")
      ->type_name("N")
      ->check(cli::WholeNumber(1, 100));
  command
      ->add_option(
          "--report", flags->report,
          "Write a report here, one page for a browser: verdict, figures with their intervals, curves, "
          "reliability, what the model leans on, columns and slices. It appears once it is complete")
      ->type_name("FILE.html");
  command->add_flag("--json", flags->json, "Print the result as one JSON object");
  command->callback([flags, &run] { run = [flags] { return Fit(*flags); }; });
}

}  // namespace adscore::trainer

#include "trainer/commands/evaluate.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cli/flag_checks.h"
#include "data/file_version.h"
#include "model/model.h"
#include "model/model_root.h"
#include "trainer/block_reader.h"
#include "trainer/cell_check.h"
#include "trainer/commands/interruption.h"
#include "trainer/commands/log_flags.h"
#include "trainer/commands/model_flags.h"
#include "trainer/commands/report_content.h"
#include "trainer/commands/schema_flags.h"
#include "trainer/commands/snapshot_choice.h"
#include "trainer/dataset_reader.h"
#include "trainer/evaluation.h"
#include "trainer/figures_report.h"
#include "trainer/json_text.h"
#include "trainer/output_file.h"
#include "trainer/progress_line.h"
#include "trainer/slices.h"
#include "trainer/snapshot_comparison.h"

namespace adscore::trainer {
namespace {

using Clock = std::chrono::steady_clock;

struct EvaluateFlags {
  std::string model_root;
  std::string model;
  int64_t version = 0;
  std::string data;
  std::string format = "auto";
  std::string predictions;
  std::vector<std::string> slice;
  std::string compare;
  std::string report;
  LabelWindowFlags windows;
  size_t threads = 1;
  bool json = false;
};

// Where predictions go; null if they aren't asked for. Opened before the work, so that a path that can't be
// written to is said at once.
absl::StatusOr<std::unique_ptr<OutputFile>> OpenPredictions(const EvaluateFlags& flags) {
  if (flags.predictions.empty()) return nullptr;
  std::error_code not_there;
  if (std::filesystem::equivalent(flags.predictions, flags.data, not_there)) {
    return absl::InvalidArgumentError(absl::StrCat("--predictions ", flags.predictions,
                                                   " is the file that --data names, and would replace it; "
                                                   "name another file"));
  }
  return OutputFile::Create(flags.predictions);
}

// A header with the heads' names, then the rows' probabilities in order.
absl::Status WritePredictions(const std::vector<model::Head>& heads, const std::vector<float>& probabilities,
                              OutputFile* file) {
  constexpr size_t kPieceBytes = 256 << 10;
  std::vector<std::string> names;
  for (const model::Head& head : heads) names.push_back(head.name);
  std::string text = absl::StrCat(absl::StrJoin(names, "\t"), "\n");
  for (size_t i = 0; i < probabilities.size(); ++i) {
    absl::StrAppendFormat(&text, "%.9g%c", probabilities[i], (i + 1) % heads.size() == 0 ? '\n' : '\t');
    if (text.size() < kPieceBytes) continue;
    if (absl::Status written = file->Write(text); !written.ok()) return written;
    text.clear();
  }
  if (absl::Status written = file->Write(text); !written.ok()) return written;
  return file->Finish();
}

ReadProgress ReadingOn(ProgressLine* line, const std::string& path) {
  return [line, path](uint64_t rows, uint64_t, uint64_t) {
    if (line->Due()) line->Show(absl::StrFormat("reading %s: %d rows", path, rows));
  };
}

// What is asked for and takes labels, or an empty string.
std::string FlagThatNeedsLabels(const EvaluateFlags& flags) {
  if (!flags.slice.empty()) return "--slice";
  if (!flags.compare.empty()) return "--compare";
  if (!flags.report.empty()) return "--report";
  return "";
}

struct Evaluated {
  std::vector<HeadFigures> figures;
  std::vector<ColumnSlices> slices;
  std::optional<SnapshotComparison> comparison;
};

nlohmann::ordered_json ToJson(const EvaluateFlags& flags, int64_t version, const model::Model& model,
                              size_t rows, const Evaluated& evaluated, double seconds) {
  const std::vector<model::Head>& heads = model.snapshot().heads;
  nlohmann::ordered_json json = {{"model", flags.model},
                                 {"version", version},
                                 {"rows", rows},
                                 {"seconds", seconds},
                                 {"kernels", model.kernels().name},
                                 {"heads", FiguresToJson(heads, evaluated.figures)}};
  if (!flags.slice.empty()) json["slices"] = SlicesToJson(heads, evaluated.slices);
  if (evaluated.comparison) json["comparison"] = ComparisonToJson(*evaluated.comparison);
  return json;
}

void Print(const EvaluateFlags& flags, int64_t version, const model::Model& model, size_t rows,
           const Evaluated& evaluated, double seconds) {
  const std::vector<model::Head>& heads = model.snapshot().heads;
  absl::PrintF("%s version %d on %d rows of %s in %.1f s (%s kernels)\n", flags.model, version, rows,
               flags.data, seconds, model.kernels().name);
  if (!evaluated.figures.empty()) std::printf("\n%s", FiguresToTable(heads, evaluated.figures).c_str());
  std::printf("%s", SlicesToTables(heads, evaluated.slices).c_str());
  if (evaluated.comparison) {
    std::printf("\n");
    for (const HeadComparison& head : evaluated.comparison->heads) {
      std::printf("%s: %s\n", head.head.c_str(), head.sentence.c_str());
    }
  }
  if (!flags.predictions.empty()) std::printf("predictions: %s\n", flags.predictions.c_str());
  if (!flags.report.empty()) std::printf("report: %s\n", flags.report.c_str());
}

absl::Status Report(const EvaluateFlags& flags, int64_t version, const ReportedRows& rows,
                    const Evaluated& evaluated, OutputFile* file) {
  report::Content content;
  content.title = absl::StrCat(flags.model, " version ", version);
  content.measured = absl::StrCat("Measured on all ", rows.data.rows, " rows of ", flags.data,
                                  ". Had the model learnt from them, it would look better than it is.");
  content.figures = evaluated.figures;
  content.slices = evaluated.slices;
  content.comparison = evaluated.comparison;
  content.notices = CellNotices(rows.data);
  content.provenance = ProvenanceOf(rows.model.snapshot());
  content.provenance.emplace_back("data measured on", flags.data);
  absl::Status status = Measure(rows, &content);
  return status.ok() ? WriteReport(content, file) : status;
}

// Scores the file block by block, so that its size does not matter: `probabilities` are [rows][heads]. What
// is returned has the labels and what was counted of each column, but no cells.
absl::StatusOr<Dataset> ScoreFile(const EvaluateFlags& flags, const model::Model& model,
                                  const std::vector<model::Label>& labels,
                                  std::vector<float>* probabilities) {
  const absl::StatusOr<data::FileVersion> file = data::FileVersion::Of(flags.data);
  if (!file.ok()) return file.status();
  const absl::StatusOr<std::unique_ptr<BlockReader>> reader =
      BlockReader::Open(flags.data, data::ParseFormat(flags.format).value(), model.snapshot().schema, labels,
                        /*labels_required=*/false, flags.windows.time);
  if (!reader.ok()) return reader.status();
  ProgressLine line;
  Dataset seen;
  Dataset block;
  std::vector<uint32_t> rows;
  while (true) {
    const absl::StatusOr<bool> more = (*reader)->Next(kBlockRows, &block);
    if (absl::Status unchanged = file->CheckUnchanged(); !unchanged.ok()) return unchanged;
    if (!more.ok()) return more.status();
    if (!*more) break;
    rows.resize(block.rows);
    std::iota(rows.begin(), rows.end(), 0U);
    const absl::StatusOr<std::vector<float>> scores = ScoreRows(model, block, rows, flags.threads);
    if (!scores.ok()) return scores.status();
    CountUnknown(model.snapshot(), &block);
    probabilities->insert(probabilities->end(), scores->begin(), scores->end());
    seen.AppendLabelsAndCounts(block);
    if (line.Due()) line.Show(absl::StrFormat("scoring %s: %d rows", flags.data, seen.rows));
  }
  if (seen.rows == 0) {
    return absl::InvalidArgumentError(absl::StrCat(flags.data, " has a header but no rows"));
  }
  return seen;
}

absl::Status Evaluate(const EvaluateFlags& flags) {
  const Clock::time_point begin = Clock::now();
  const Interruption interruption("interrupted: no file is left half-written");
  const absl::StatusOr<int64_t> version =
      FindVersion(flags.model_root, flags.model, flags.version, "--version");
  if (!version.ok()) return version.status();
  const absl::StatusOr<std::unique_ptr<const model::Model>> opened =
      OpenModel(model::VersionDirectory(flags.model_root, flags.model, *version));
  if (!opened.ok()) return opened.status();
  const model::Model& model = **opened;
  std::unique_ptr<const model::Model> other;
  if (!flags.compare.empty()) {
    const absl::StatusOr<std::string> directory =
        ChosenDirectory(flags.model_root, flags.model, flags.compare, "--compare");
    if (!directory.ok()) return directory.status();
    absl::StatusOr<std::unique_ptr<const model::Model>> compared = OpenModel(*directory);
    if (!compared.ok()) return compared.status();
    other = *std::move(compared);
  }
  const absl::StatusOr<std::unique_ptr<OutputFile>> predictions = OpenPredictions(flags);
  if (!predictions.ok()) return predictions.status();
  if (!flags.report.empty() && flags.report == flags.predictions) {
    return absl::InvalidArgumentError(
        absl::StrCat("--report and --predictions both name ", flags.report, ": give each a file of its own"));
  }
  const absl::StatusOr<std::unique_ptr<OutputFile>> report = OpenReport(flags.report, flags.data);
  if (!report.ok()) return report.status();

  const data::Format format = data::ParseFormat(flags.format).value();
  ProgressLine line;
  absl::StatusOr<std::vector<SlicedColumn>> slices = std::vector<SlicedColumn>();
  if (!flags.slice.empty()) {
    slices = SliceColumns(flags.data, format, flags.slice, std::nullopt, ReadingOn(&line, flags.data));
  }
  if (!slices.ok()) return slices.status();
  std::vector<model::Label> labels;
  for (const model::Head& head : model.snapshot().heads) labels.push_back(head.label);
  // What looks at single cells needs them in memory; figures and predictions don't.
  std::vector<float> probabilities;
  const bool with_cells = FlagThatNeedsLabels(flags) != std::string();
  absl::StatusOr<Dataset> data =
      with_cells
          ? ReadDataset(flags.data, format, model.snapshot().schema, labels,
                        /*labels_required=*/false, ReadingOn(&line, flags.data), {}, flags.windows.time)
          : ScoreFile(flags, model, labels, &probabilities);
  if (!data.ok()) return data.status();
  if (const std::string flag = FlagThatNeedsLabels(flags); data->labels.empty() && !flag.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(flag, " needs to know what happened, but ", flags.data,
                                                   " has no label column '", labels.front().column,
                                                   "': leave the flag out to get predictions only"));
  }
  line.Clear();
  if (with_cells) CountUnknown(model.snapshot(), &*data);
  const absl::StatusOr<std::vector<std::string>> young = flags.windows.Apply(labels, &*data);
  if (!young.ok()) return young.status();
  for (const std::string& notice : *young) std::fprintf(stderr, "note: %s\n", notice.c_str());
  for (const std::string& notice : CellNotices(*data)) std::fprintf(stderr, "note: %s\n", notice.c_str());

  std::vector<uint32_t> rows(data->rows);
  std::iota(rows.begin(), rows.end(), 0U);
  if (with_cells) {
    absl::StatusOr<std::vector<float>> scores = ScoreRows(model, *data, rows, flags.threads);
    if (!scores.ok()) return scores.status();
    probabilities = *std::move(scores);
  }
  if (*predictions != nullptr) {
    const absl::Status status = WritePredictions(model.snapshot().heads, probabilities, predictions->get());
    if (!status.ok()) return status;
  }
  Evaluated evaluated;
  if (!data->labels.empty()) evaluated.figures = FiguresByHead(*data, rows, probabilities, flags.threads);
  for (const SlicedColumn& column : *slices) {
    evaluated.slices.push_back(FiguresBySlice(column, *data, rows, probabilities, flags.threads));
  }
  if (other != nullptr) {
    absl::StatusOr<SnapshotComparison> comparison = CompareSnapshots(
        model, absl::StrCat("version ", *version), *other,
        model::ParseVersion(flags.compare) ? absl::StrCat("version ", flags.compare) : flags.compare,
        flags.data, format, *data, probabilities, ReadingOn(&line, flags.data), flags.threads);
    line.Clear();
    if (!comparison.ok()) return comparison.status();
    evaluated.comparison = *std::move(comparison);
  }
  if (*report != nullptr) {
    const absl::Status status =
        Report(flags, *version, {model, *data, rows, probabilities, flags.data, format, flags.threads},
               evaluated, report->get());
    if (!status.ok()) return status;
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();

  if (data->labels.empty()) {
    std::fprintf(stderr, "%s has no label columns: predictions only, no figures%s\n", flags.data.c_str(),
                 flags.predictions.empty() ? "; name a file for them with --predictions" : "");
  }
  if (flags.json) {
    std::printf("%s\n", JsonText(ToJson(flags, *version, model, data->rows, evaluated, seconds)).c_str());
  } else {
    Print(flags, *version, model, data->rows, evaluated, seconds);
  }
  return absl::OkStatus();
}

}  // namespace

void AddEvaluateCommand(CLI::App& app, std::function<absl::Status()>& run) {
  CLI::App* command = app.add_subcommand(
      "evaluate",
      "Score a log with a published snapshot, exactly as a server would, and compare with what happened.\n"
      "The snapshot knows its labels. Without label columns in the data there are predictions only.");
  const auto flags = std::make_shared<EvaluateFlags>();  // lives as long as the command that parses into it
  AddVersionFlags(command, &flags->model_root, &flags->model, &flags->version);
  command->add_option("--data", flags->data, "The log to score, one impression per row")
      ->required()
      ->type_name("FILE");
  AddFormatFlag(command, &flags->format);
  AddLabelWindowFlags(command, &flags->windows);
  command
      ->add_option(
          "--predictions", flags->predictions,
          "Write the probabilities here, tab separated: a header with the heads' names, then one line per "
          "row of the data, in order; gzip if the name ends in .gz. The file appears once it is complete")
      ->type_name("OUT.tsv");
  command
      ->add_option("--slice", flags->slice,
                   "Figures by the values of these columns too, which need not be features: numbers in ten "
                   "quantile bins, and of names the 20 with the most rows")
      ->type_name("COL,...")
      ->delimiter(',');
  command
      ->add_option("--compare", flags->compare,
                   "Score the rows with another snapshot too, and say which one is better or that the rows "
                   "can't tell: a version of the model, or the directory of a version of any model")
      ->type_name("VERSION|DIR");
  command
      ->add_option("--report", flags->report,
                   "Write a report here, one page for a browser: figures with their intervals, curves, "
                   "reliability, what the model leans on, columns and slices. It appears once it is complete")
      ->type_name("FILE.html");
  flags->threads = std::clamp<size_t>(std::thread::hardware_concurrency(), 1, 8);
  command->add_option("--threads", flags->threads, "Threads to score with; the figures don't depend on it")
      ->type_name("N")
      ->check(cli::WholeNumber(1, 256))
      ->capture_default_str();
  command->add_flag("--json", flags->json, "Print the figures as one JSON object");
  command->callback([flags, &run] { run = [flags] { return Evaluate(*flags); }; });
}

}  // namespace adscore::trainer

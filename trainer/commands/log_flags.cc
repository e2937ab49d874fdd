#include "trainer/commands/log_flags.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/flag_checks.h"
#include "data/file_version.h"
#include "trainer/cell_check.h"
#include "trainer/dataset_reader.h"
#include "trainer/label_check.h"
#include "trainer/label_window.h"

namespace adscore::trainer {
namespace {

// What the file looks like, without a look at the validation rows.
absl::StatusOr<InferredSchema> InferFrom(const LogFlags& flags, const Sources& sources,
                                         const FitOptions& options, const ReadProgress& progress) {
  InferenceOptions inference = flags.columns.Inference();
  // The last rows are never looked at if there are this many, and need not be counted.
  const bool tail = options.split == SplitKind::kTail;
  inference.in_time_order = tail;
  const auto enough = static_cast<uint64_t>(
      std::ceil(static_cast<double>(inference.MostRows() + 1) / (1 - options.validation_share)));
  const absl::StatusOr<uint64_t> rows =
      CountRows(sources, flags.columns.Format(), tail ? enough : UINT64_MAX, progress);
  if (!rows.ok()) return rows.status();
  if (tail && *rows == enough) return InferSchema(sources, flags.columns.Format(), inference);
  absl::StatusOr<Split> split =
      SplitRows(*rows, options.split, options.validation_share, options.tuning_share, options.training.seed);
  // Too few rows to split are reported by the fit, after what else may be wrong with them.
  if (split.ok()) inference.held_out = std::move(split->validation);
  return InferSchema(sources, flags.columns.Format(), inference);
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

}  // namespace

void LogFlags::SetOptions(FitOptions* options) const {
  options->labels = columns.Labels();
  options->split = ParseSplitKind(split).value();
  options->validation_share = validation;
  options->memory_bytes = memory << 20;
}

absl::StatusOr<Log> ReadLog(const LogFlags& flags, const Sources& sources, const FitOptions& options,
                            const model::Schema* schema, ProgressLine* line) {
  std::vector<data::FileVersion> files;
  for (const Source& source : sources.list()) {
    absl::StatusOr<data::FileVersion> file = data::FileVersion::Of(source.path);
    if (!file.ok()) return file.status();
    files.push_back(*std::move(file));
  }
  absl::StatusOr<InferredSchema> inferred =
      schema != nullptr ? InferredSchema{*schema, {}}
      : flags.schema.empty()
          ? InferFrom(flags, sources, options, ReadingOn(line, "counting", sources.ToString()))
          : ReadSchema(flags.schema);
  line->Clear();
  if (!inferred.ok()) return inferred.status();
  Log log{sources, {}, {}};
  log.notices = std::move(inferred->notices);
  for (const std::string& notice : log.notices) std::fprintf(stderr, "schema: %s\n", notice.c_str());
  absl::StatusOr<Dataset> data =
      ReadDataset(sources, flags.columns.Format(), inferred->schema, options.labels,
                  /*labels_required=*/true, ReadingOn(line, "reading", sources.ToString()),
                  {options.memory_bytes, flags.cache_dir}, flags.windows.time);
  line->Clear();
  absl::Status status;
  for (const data::FileVersion& file : files) {
    if (status = file.CheckUnchanged(); !status.ok()) return status;
  }
  if (!data.ok()) return data.status();
  log.data = *std::move(data);
  absl::StatusOr<std::vector<std::string>> young = flags.windows.Apply(options.labels, &log.data);
  if (!young.ok()) return young.status();
  for (std::string& notice : *young) {
    std::fprintf(stderr, "note: %s\n", notice.c_str());
    log.notices.push_back(std::move(notice));
  }
  status = CheckLabels(log.data, options.labels, sources, flags.columns.Format());
  if (status.ok()) status = CheckNumbers(log.data, sources.ToString());
  if (!status.ok()) return status;
  for (std::string& notice : CellNotices(log.data)) {
    std::fprintf(stderr, "note: %s\n", notice.c_str());
    log.notices.push_back(std::move(notice));
  }
  return log;
}

absl::StatusOr<std::vector<std::string>> LabelWindowFlags::Apply(const std::vector<model::Label>& labels,
                                                                 Dataset* data) const {
  if (time.empty() || data->labels.empty()) return std::vector<std::string>();
  std::optional<int64_t> counted_from;
  if (!until.empty()) counted_from = ParseLabelUntil(until).value();
  return LeaveOutYoungRows(ParseLabelWindows(window).value(), counted_from, labels, data);
}

void AddLabelWindowFlags(CLI::App* command, LabelWindowFlags* flags) {
  CLI::Option* time =
      command
          ->add_option(
              "--label-time", flags->time,
              "The column that says when the impression was: a date or time, or a number of seconds. "
              "With --label-window")
          ->type_name("COL");
  CLI::Option* window =
      command
          ->add_option(
              "--label-window", flags->window,
              "How long positives may take to arrive, of all heads (7d) or of some "
              "(conversion=7d,return=30d; "
              "w, d,\nh, m, s). Rows younger than that, counted from the newest one, are left out for that "
              "head, the\npositive ones with the others: of a day's conversions, one knows only the fast "
              "ones")
          ->type_name("LENGTH|HEAD=LENGTH,...")
          ->check(cli::CheckedBy(&ParseLabelWindows))
          ->needs(time);
  time->needs(window);
  command
      ->add_option("--label-until", flags->until,
                   "When the labels were last brought up to date, if not at the newest row: what ages are "
                   "counted from")
      ->type_name("TIME")
      ->check(cli::CheckedBy(&ParseLabelUntil))
      ->needs(window);
}

void AddLogFlags(CLI::App* command, LogFlags* flags) {
  command
      ->add_option("--data", flags->data,
                   "The log of impressions, one per row. Several files (--data a.csv --data b.csv@0.3) are "
                   "one log, in "
                   "the order given, which\nshould be that of time; they have the same columns. @0.3: a row "
                   "of that file counts "
                   "for 0.3 rows")
      ->required()
      ->allow_extra_args(false)
      ->type_name("FILE[@WEIGHT]");
  AddSchemaFlags(command, &flags->columns);
  command
      ->add_option("--schema", flags->schema,
                   "Features, as JSON: what `adscore-trainer schema` prints, edited. Without it, the schema "
                   "is inferred from the data")
      ->type_name("FILE")
      ->excludes("--ignore")
      ->excludes("--context")
      ->excludes("--cross")
      ->excludes("--match");
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
  AddLabelWindowFlags(command, &flags->windows);
}

}  // namespace adscore::trainer

#include "trainer/commands/evaluate.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <system_error>
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
#include "trainer/commands/schema_flags.h"
#include "trainer/dataset.h"
#include "trainer/evaluation.h"
#include "trainer/figures_report.h"
#include "trainer/json_text.h"
#include "trainer/number_check.h"
#include "trainer/output_file.h"
#include "trainer/progress_line.h"

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
  bool json = false;
};

// The version asked for, or the highest complete one.
absl::StatusOr<int64_t> FindVersion(const EvaluateFlags& flags) {
  const absl::StatusOr<std::vector<int64_t>> versions = model::ListVersions(flags.model_root, flags.model);
  if (!versions.ok()) return versions.status();
  if (versions->empty()) {
    return absl::NotFoundError(absl::StrCat("model '", flags.model, "' has no version under ",
                                            flags.model_root, ": `adscore-trainer fit` publishes one"));
  }
  if (flags.version == 0) return versions->front();
  if (std::find(versions->begin(), versions->end(), flags.version) == versions->end()) {
    return absl::NotFoundError(absl::StrCat("model '", flags.model, "' has no --version ", flags.version,
                                            " under ", flags.model_root, "; there are ",
                                            absl::StrJoin(*versions, ", ")));
  }
  return flags.version;
}

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

// Scores the file block by block, so that its size does not matter: `probabilities` are [rows][heads]. What
// is returned has the labels and what was counted of each column, but no cells.
absl::StatusOr<Dataset> ScoreFile(const EvaluateFlags& flags, const model::Model& model,
                                  const std::vector<model::Label>& labels,
                                  std::vector<float>* probabilities) {
  const absl::StatusOr<data::FileVersion> file = data::FileVersion::Of(flags.data);
  if (!file.ok()) return file.status();
  const absl::StatusOr<std::unique_ptr<BlockReader>> reader =
      BlockReader::Open(flags.data, data::ParseFormat(flags.format).value(), model.snapshot().schema, labels,
                        /*labels_required=*/false);
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
    const absl::StatusOr<std::vector<float>> scores = ScoreRows(model, block, rows);
    if (!scores.ok()) return scores.status();
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
  const absl::StatusOr<int64_t> version = FindVersion(flags);
  if (!version.ok()) return version.status();
  absl::StatusOr<std::unique_ptr<const model::MappedSnapshot>> mapped = model::MappedSnapshot::Open(
      absl::StrCat(model::VersionDirectory(flags.model_root, flags.model, *version), "/",
                   std::string(model::kSnapshotFile)));
  if (!mapped.ok()) return mapped.status();
  const model::Model model(*std::move(mapped), *model::AvailableKernelSets(model::Precision::kF32).front());
  const std::vector<model::Head>& heads = model.snapshot().heads;

  const absl::StatusOr<std::unique_ptr<OutputFile>> predictions = OpenPredictions(flags);
  if (!predictions.ok()) return predictions.status();
  std::vector<model::Label> labels;
  for (const model::Head& head : heads) labels.push_back(head.label);
  std::vector<float> probabilities;
  const absl::StatusOr<Dataset> data = ScoreFile(flags, model, labels, &probabilities);
  if (!data.ok()) return data.status();
  for (const std::string& notice : NumberNotices(*data)) std::fprintf(stderr, "note: %s\n", notice.c_str());
  std::vector<uint32_t> rows(data->rows);
  std::iota(rows.begin(), rows.end(), 0U);
  std::vector<HeadFigures> figures;
  if (!data->labels.empty()) figures = FiguresByHead(*data, rows, probabilities);
  if (*predictions != nullptr) {
    const absl::Status status = WritePredictions(heads, probabilities, predictions->get());
    if (!status.ok()) return status;
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();

  if (data->labels.empty()) {
    std::fprintf(stderr, "%s has no label columns: predictions only, no figures%s\n", flags.data.c_str(),
                 flags.predictions.empty() ? "; name a file for them with --predictions" : "");
  }
  if (flags.json) {
    const nlohmann::ordered_json json = {{"model", flags.model},
                                         {"version", *version},
                                         {"rows", data->rows},
                                         {"seconds", seconds},
                                         {"kernels", model.kernels().name},
                                         {"heads", FiguresToJson(heads, figures)}};
    std::printf("%s\n", JsonText(json).c_str());
    return absl::OkStatus();
  }
  std::printf("%s version %d on %zu rows of %s in %.1f s (%s kernels)\n", flags.model.c_str(),
              static_cast<int>(*version), data->rows, flags.data.c_str(), seconds, model.kernels().name);
  if (!figures.empty()) std::printf("\n%s", FiguresToTable(heads, figures).c_str());
  if (!flags.predictions.empty()) std::printf("predictions: %s\n", flags.predictions.c_str());
  return absl::OkStatus();
}

}  // namespace

void AddEvaluateCommand(CLI::App& app, std::function<absl::Status()>& run) {
  CLI::App* command = app.add_subcommand(
      "evaluate",
      "Score a log with a published snapshot, exactly as a server would, and compare with what happened.\n"
      "The snapshot knows its labels. Without label columns in the data there are predictions only.");
  const auto flags = std::make_shared<EvaluateFlags>();  // lives as long as the command that parses into it
  command->add_option("--model-root", flags->model_root, "Directory of models")->required()->type_name("DIR");
  command->add_option("--model", flags->model, "The model's name")
      ->required()
      ->type_name("NAME")
      ->check(cli::CheckedBy(&model::CheckModelName));
  command->add_option("--version", flags->version, "Which version; 0 is the highest")
      ->type_name("N")
      ->check(cli::WholeNumber(0, INT64_MAX))
      ->capture_default_str();
  command->add_option("--data", flags->data, "The log to score, one impression per row")
      ->required()
      ->type_name("FILE");
  AddFormatFlag(command, &flags->format);
  command
      ->add_option(
          "--predictions", flags->predictions,
          "Write the probabilities here, tab separated: a header with the heads' names, then one line per "
          "row of the data, in order; gzip if the name ends in .gz. The file appears once it is complete")
      ->type_name("OUT.tsv");
  command->add_flag("--json", flags->json, "Print the figures as one JSON object");
  command->callback([flags, &run] { run = [flags] { return Evaluate(*flags); }; });
}

}  // namespace adscore::trainer

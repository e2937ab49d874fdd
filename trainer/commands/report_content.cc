#include "trainer/commands/report_content.h"

#include <filesystem>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "trainer/bootstrap.h"
#include "trainer/report/html.h"
#include "trainer/training_window.h"

namespace adscore::trainer {
namespace {

constexpr size_t kSlicedFeatures = 3;
constexpr uint64_t kFewValues = 50;

// The features of most importance that have few values; if those are too few, numbers, which are cut at their
// quantiles.
std::vector<std::string> FeaturesToSliceBy(const report::Content& content) {
  std::vector<std::string> names;
  for (const bool numeric : {false, true}) {
    for (const FeatureImportance& of : content.importance) {
      if (names.size() == kSlicedFeatures) return names;
      const model::Feature& feature = content.schema.features[of.feature];
      const ColumnSummary& column = content.columns[of.feature];
      // Of a date or time the file has no column that could be sliced by.
      if (column.different < 2 || feature.part != model::DatePart::kNone) continue;
      const bool few = feature.kind == model::FeatureKind::kCategorical && column.different <= kFewValues;
      if (numeric ? feature.kind == model::FeatureKind::kNumeric : few) names.push_back(feature.Column());
    }
  }
  return names;
}

// The rows whose columns are described. Of a log that is too large for memory a sample, since all different
// values of a column are told apart at once.
std::vector<uint32_t> RowsToDescribe(const ReportedRows& rows) {
  if (rows.data.cache == nullptr) return rows.rows;
  std::vector<uint32_t> drawn = RowsToResample(rows.rows.size());
  for (uint32_t& row : drawn) row = rows.rows[row];
  return drawn;
}

}  // namespace

absl::StatusOr<std::unique_ptr<OutputFile>> OpenReport(const std::string& path, const Sources& sources) {
  if (path.empty()) return nullptr;
  std::error_code not_there;
  for (const Source& source : sources.list()) {
    if (std::filesystem::equivalent(path, source.path, not_there)) {
      return absl::InvalidArgumentError(absl::StrCat("--report ", path,
                                                     " is the file that --data names, and would replace it; "
                                                     "name another file"));
    }
  }
  return OutputFile::Create(path);
}

absl::Status Measure(const ReportedRows& rows, report::Content* content) {
  const model::Snapshot& snapshot = rows.model.snapshot();
  content->schema = snapshot.schema;
  content->heads = snapshot.heads;
  for (size_t head = 0; head < snapshot.heads.size(); ++head) {
    content->rows.push_back(RowsOfHead(rows.data, rows.rows, rows.probabilities, head));
  }
  absl::StatusOr<std::vector<FeatureImportance>> importance =
      PermutationImportance(rows.model, rows.data, rows.rows, rows.threads);
  if (!importance.ok()) return importance.status();
  content->importance = *std::move(importance);
  const std::vector<uint32_t> described = RowsToDescribe(rows);
  absl::StatusOr<std::vector<ColumnSummary>> described_columns =
      SummarizeColumns(snapshot, rows.data, described);
  if (!described_columns.ok()) return described_columns.status();
  content->columns = *std::move(described_columns);
  if (described.size() < rows.rows.size()) content->described_rows = described.size();
  if (rows.data.cache != nullptr && rows.rows.size() > kMostShuffledRows) {
    content->shuffled_rows = kMostShuffledRows;
  }
  const std::vector<std::string> sliced = FeaturesToSliceBy(*content);
  if (!content->slices.empty() || sliced.empty()) return absl::OkStatus();
  const absl::StatusOr<std::vector<SlicedColumn>> columns =
      SliceColumns(rows.sources, rows.format, sliced, std::span<const uint32_t>(rows.rows), nullptr);
  if (!columns.ok()) return columns.status();
  for (const SlicedColumn& column : *columns) {
    content->slices.push_back(FiguresBySlice(column, rows.data, rows.rows, rows.probabilities, rows.threads));
  }
  return absl::OkStatus();
}

std::vector<std::pair<std::string, std::string>> ProvenanceOf(const model::Snapshot& snapshot) {
  const model::Provenance& from = snapshot.provenance;
  std::vector<std::string> widths;
  for (const model::Layer& layer : snapshot.layers) widths.push_back(absl::StrCat(layer.outputs));
  std::vector<std::pair<std::string, std::string>> provenance = {
      {"trainer", from.trainer},
      {"made", IsoTime(from.created_at)},
      {"rows learnt from", report::Count(from.training_rows)},
      {"seed", absl::StrCat(from.seed)},
      {"features", absl::StrCat(snapshot.schema.features.size())},
      {"layers' outputs", absl::StrJoin(widths, ", ")},
      {"schema fingerprint", absl::StrFormat("%016x", model::Fingerprint(snapshot.schema))}};
  if (from.parent_version > 0) provenance.emplace_back("follows version", absl::StrCat(from.parent_version));
  if (from.training_to != 0) {
    provenance.emplace_back("log covers",
                            absl::StrCat(IsoTime(from.training_from), " to ", IsoTime(from.training_to)));
  }
  return provenance;
}

absl::Status WriteReport(const report::Content& content, OutputFile* file) {
  if (absl::Status written = file->Write(report::Page(content)); !written.ok()) return written;
  return file->Finish();
}

}  // namespace adscore::trainer

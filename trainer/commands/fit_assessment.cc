#include "trainer/commands/fit_assessment.h"

#include <algorithm>
#include <span>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "model/model.h"
#include "trainer/commands/report_content.h"
#include "trainer/report/html.h"
#include "trainer/split.h"

namespace adscore::trainer {

namespace {

// Rows of each part that a log too large for memory is judged by: a logistic regression learns little from
// more, and intervals are narrow.
constexpr size_t kMostTraining = 500'000;
constexpr size_t kMostOthers = 200'000;

// The last ones of `rows`: in a log in time order the ones most like those to come. Of rows whose labels are
// not all known none: the last ones may all be too young for some head.
std::vector<uint32_t> Last(const Dataset& data, std::vector<uint32_t> rows, size_t most) {
  std::erase_if(rows, [&data](uint32_t row) {
    return std::any_of(data.labels.begin(), data.labels.end(),
                       [row](const std::vector<uint8_t>& labels) { return labels[row] == kUnknownLabel; });
  });
  return {rows.end() - static_cast<std::ptrdiff_t>(std::min(rows.size(), most)), rows.end()};
}

// What the verdict is about.
struct Judged {
  Dataset data;
  Split split;
  std::vector<float> probabilities;  // of its validation rows
};

// Takes those rows of `split` into memory. `probabilities` are those of all its validation rows.
absl::StatusOr<Judged> TakeToJudge(const Dataset& data, const Split& split,
                                   std::span<const float> probabilities) {
  const Split taken = {.training = Last(data, split.training, kMostTraining),
                       .tuning = Last(data, split.tuning, kMostOthers),
                       .validation = Last(data, split.validation, kMostOthers)};
  std::vector<uint32_t> all = taken.training;
  all.insert(all.end(), taken.tuning.begin(), taken.tuning.end());
  all.insert(all.end(), taken.validation.begin(), taken.validation.end());
  std::sort(all.begin(), all.end());
  const auto places = [&all](const std::vector<uint32_t>& rows) {
    std::vector<uint32_t> ids;
    for (const uint32_t row : rows) {
      ids.push_back(static_cast<uint32_t>(std::lower_bound(all.begin(), all.end(), row) - all.begin()));
    }
    return ids;
  };
  absl::StatusOr<Dataset> rows = TakeRows(data, all);
  if (!rows.ok()) return rows.status();
  Judged judged{
      *std::move(rows), {places(taken.training), places(taken.tuning), places(taken.validation)}, {}};
  const size_t heads = data.labels.size();
  for (const uint32_t row : taken.validation) {
    const auto at = std::lower_bound(split.validation.begin(), split.validation.end(), row);
    const auto of_row = probabilities.begin() + (at - split.validation.begin()) * heads;
    judged.probabilities.insert(judged.probabilities.end(), of_row, of_row + heads);
  }
  return judged;
}

}  // namespace

absl::Status Assess(const Dataset& data, const FitOptions& options, const FittedModel& fitted,
                    FitAssessment* assessment) {
  // Drawn again: the same rows for the same options.
  absl::StatusOr<Split> split = SplitRows(data.rows, options.split, options.validation_share,
                                          options.tuning_share, options.training.seed);
  if (!split.ok()) return split.status();
  const std::vector<model::Head>& heads = fitted.model->snapshot().heads;
  absl::StatusOr<std::vector<HeadVerdict>> verdicts = std::vector<HeadVerdict>();
  if (data.cache == nullptr) {
    verdicts = Judge(data, *split, options, heads, fitted.validation_probabilities);
  } else {
    const absl::StatusOr<Judged> judged = TakeToJudge(data, *split, fitted.validation_probabilities);
    if (!judged.ok()) return judged.status();
    verdicts = Judge(judged->data, judged->split, options, heads, judged->probabilities);
  }
  if (!verdicts.ok()) return verdicts.status();
  assessment->verdicts = *std::move(verdicts);
  assessment->validation = std::move(split->validation);
  return absl::OkStatus();
}

nlohmann::ordered_json AssessmentToJson(const std::vector<model::Head>& heads,
                                        const FitAssessment& assessment) {
  nlohmann::ordered_json json = {{"verdict", VerdictToJson(assessment.verdicts)}};
  if (assessment.progressive) json["progressive"] = ProgressiveToJson(heads, *assessment.progressive);
  return json;
}

std::string AssessmentToText(const std::vector<model::Head>& heads, const FitAssessment& assessment) {
  std::string text;
  for (const HeadVerdict& verdict : assessment.verdicts) {
    absl::StrAppend(&text, "verdict on ", verdict.head, ": ", verdict.summary, "\n");
    for (const std::string& detail : verdict.details) absl::StrAppend(&text, "  ", detail, "\n");
  }
  if (assessment.progressive)
    absl::StrAppend(&text, "\n", ProgressiveToTables(heads, *assessment.progressive));
  return text;
}

absl::Status ReportFit(const FitFacts& facts, const FitOptions& options, const Dataset& data,
                       const FittedModel& fitted, const FitAssessment& assessment, OutputFile* file) {
  const model::Model model(fitted.model->snapshot(),
                           *model::AvailableKernelSets(model::Precision::kF32).front());
  report::Content content;
  content.title = facts.title;
  content.measured =
      absl::StrCat("Measured on the ", options.split == SplitKind::kTail ? "last " : "randomly drawn ",
                   report::Count(fitted.validation_rows), " of ", report::Count(data.rows), " rows of ",
                   facts.sources.ToString(), ", which nothing was fitted to or chosen by.");
  content.figures = fitted.validation;
  content.verdicts = assessment.verdicts;
  content.progressive = assessment.progressive;
  content.history = fitted.history;
  content.best_epochs = fitted.best_epochs;
  content.notices = fitted.notices;
  content.provenance = ProvenanceOf(fitted.model->snapshot());
  content.provenance.emplace_back("data", facts.sources.ToString());
  content.provenance.emplace_back("published as", facts.directory);
  const absl::Status status = Measure({model, data, assessment.validation, fitted.validation_probabilities,
                                       facts.sources, facts.format, options.training.threads},
                                      &content);
  return status.ok() ? WriteReport(content, file) : status;
}

}  // namespace adscore::trainer

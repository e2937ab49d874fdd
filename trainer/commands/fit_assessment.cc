#include "trainer/commands/fit_assessment.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "model/model.h"
#include "trainer/commands/report_content.h"
#include "trainer/evaluation.h"
#include "trainer/report/html.h"

namespace adscore::trainer {

absl::Status Assess(const Dataset& data, const FitOptions& options, const FittedModel& fitted,
                    FitAssessment* assessment) {
  // Drawn again: the same rows for the same options.
  absl::StatusOr<Split> split = SplitRows(data.rows, options.split, options.validation_share,
                                          options.tuning_share, options.training.seed);
  if (!split.ok()) return split.status();
  assessment->split = *std::move(split);
  const model::Model model(fitted.model->snapshot(),
                           *model::AvailableKernelSets(model::Precision::kF32).front());
  assessment->probabilities = ScoreRows(model, data, assessment->split.validation, options.training.threads);
  assessment->verdicts =
      Judge(data, assessment->split, options, fitted.model->snapshot().heads, assessment->probabilities);
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
                   facts.data_path, ", which nothing was fitted to or chosen by.");
  content.figures = fitted.validation;
  content.verdicts = assessment.verdicts;
  content.progressive = assessment.progressive;
  content.history = fitted.history;
  content.best_epochs = fitted.best_epochs;
  content.notices = fitted.notices;
  content.provenance = ProvenanceOf(fitted.model->snapshot());
  content.provenance.emplace_back("data", facts.data_path);
  content.provenance.emplace_back("published as", facts.directory);
  const absl::Status status = Measure({model, data, assessment.split.validation, assessment.probabilities,
                                       facts.data_path, facts.format, options.training.threads},
                                      &content);
  return status.ok() ? WriteReport(content, file) : status;
}

}  // namespace adscore::trainer

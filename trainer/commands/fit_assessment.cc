#include "trainer/commands/fit_assessment.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "model/model.h"
#include "trainer/evaluation.h"

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

}  // namespace adscore::trainer

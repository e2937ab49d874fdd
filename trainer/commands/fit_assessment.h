// What `fit` says about the model that it has fitted, beyond the figures.
//
// Thread-safe: pure functions over constant data.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "trainer/dataset.h"
#include "trainer/fit.h"
#include "trainer/progressive.h"
#include "trainer/split.h"
#include "trainer/verdict.h"

namespace adscore::trainer {

struct FitAssessment {
  Split split;                       // that of the fit
  std::vector<float> probabilities;  // the model's, of the validation rows: [rows][heads]
  std::vector<HeadVerdict> verdicts;
  std::optional<ProgressiveResult> progressive;  // if it was asked for
};

// Fills in all but `progressive`.
absl::Status Assess(const Dataset& data, const FitOptions& options, const FittedModel& fitted,
                    FitAssessment* assessment);

// {"verdict": {…}, "progressive": {…}}; the latter only if it was asked for.
nlohmann::ordered_json AssessmentToJson(const std::vector<model::Head>& heads,
                                        const FitAssessment& assessment);

// The same for people, a few lines.
std::string AssessmentToText(const std::vector<model::Head>& heads, const FitAssessment& assessment);

}  // namespace adscore::trainer

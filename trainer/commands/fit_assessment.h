// What `fit` says about the model that it has fitted, beyond the figures.
//
// Not thread-safe: functions over the caller's objects.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "data/table_reader.h"
#include "trainer/dataset.h"
#include "trainer/fit.h"
#include "trainer/output_file.h"
#include "trainer/progressive.h"
#include "trainer/sources.h"
#include "trainer/verdict.h"

namespace adscore::trainer {

struct FitAssessment {
  std::vector<uint32_t> validation;  // the fit's validation rows
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

// What a report of a fit says beyond the fit itself.
struct FitFacts {
  std::string title;  // "ads version 3"
  Sources sources;
  data::Format format = data::Format::kAuto;
  std::string directory;  // of the published version
};

// Measures what the report needs, on the validation rows, and writes it.
absl::Status ReportFit(const FitFacts& facts, const FitOptions& options, const Dataset& data,
                       const FittedModel& fitted, const FitAssessment& assessment, OutputFile* file);

}  // namespace adscore::trainer

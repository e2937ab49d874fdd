// What a fit is worth: its model against always saying the base rate, and against logistic regression
// (baseline.h), on validation rows that none of them has seen.
//
// Thread-safe: pure functions over constant data.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "trainer/comparison.h"
#include "trainer/dataset.h"
#include "trainer/fit.h"
#include "trainer/split.h"

namespace adscore::trainer {

struct HeadVerdict {
  std::string head;
  Comparison versus_base_rate;  // that of the training rows, which is what one knew
  Comparison versus_logistic_regression;
  std::string summary;               // in one sentence: what to do about it
  std::vector<std::string> details;  // a sentence for each comparison
};

// `probabilities` are the model's for the validation rows of `split`: [rows][heads].
absl::StatusOr<std::vector<HeadVerdict>> Judge(const Dataset& data, const Split& split,
                                               const FitOptions& options,
                                               const std::vector<model::Head>& heads,
                                               std::span<const float> probabilities);

// {"click": {"summary": …, "versus_base_rate": {…}, "versus_logistic_regression": {…}}, …}.
nlohmann::ordered_json VerdictToJson(const std::vector<HeadVerdict>& verdicts);

}  // namespace adscore::trainer

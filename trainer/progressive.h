// Progressive validation: how a model that is fitted anew as time goes on would have done. The later half of
// a log in time order is cut into parts; each is scored by a model that was fitted to all rows before it, so
// that every scored row lies in its model's future, and the parts show whether the figures hold over time.
//
// Not thread-safe. Deterministic like FitModel.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/dataset.h"
#include "trainer/fit.h"

namespace adscore::trainer {

struct ProgressivePart {
  size_t first_row = 0;  // of the part, counted from 0; all rows before it were learnt from
  size_t rows = 0;
  std::vector<HeadFigures> figures;  // by head
};

struct ProgressiveResult {
  std::vector<ProgressivePart> parts;
  std::vector<HeadFigures> pooled;  // over the rows of all parts, each with the probability that it was given
};

// Fits `parts` models with `options`, whose split and validation share don't count here. Errors as FitModel,
// saying in which part, and of sharing a cache; InvalidArgument if a part would have no rows.
absl::StatusOr<ProgressiveResult> ProgressiveValidation(const Dataset& data, const FitOptions& options,
                                                        size_t parts, const TrainingReport& report);

// {"parts": [{"first_row": …, "rows": …, "heads": {…}}, …], "pooled": {…}}.
nlohmann::ordered_json ProgressiveToJson(const std::vector<model::Head>& heads,
                                         const ProgressiveResult& result);

// A table for each head: a line per part, and one of all.
std::string ProgressiveToTables(const std::vector<model::Head>& heads, const ProgressiveResult& result);

}  // namespace adscore::trainer

#include "trainer/progressive.h"

#include <numeric>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "trainer/evaluation.h"
#include "trainer/figures_report.h"
#include "trainer/row_subset.h"

namespace adscore::trainer {

absl::StatusOr<ProgressiveResult> ProgressiveValidation(const Dataset& data, const FitOptions& options,
                                                        size_t parts, const TrainingReport& report) {
  const size_t start = data.rows / 2;
  if (data.rows - start < parts) {
    return absl::InvalidArgumentError(absl::StrCat("--progressive ", parts, " cuts the later half of ",
                                                   data.rows,
                                                   " rows into parts without rows: ask for fewer"));
  }
  ProgressiveResult result;
  std::vector<float> probabilities;  // of all parts
  for (size_t part = 0; part < parts; ++part) {
    const size_t first = start + (data.rows - start) * part / parts;
    const size_t last = start + (data.rows - start) * (part + 1) / parts;
    FitOptions until = options;
    until.split = SplitKind::kTail;
    until.validation_share = static_cast<double>(last - first) / static_cast<double>(last);
    const absl::StatusOr<Dataset> known = FirstRows(data, last);
    if (!known.ok()) return known.status();
    const absl::StatusOr<FittedModel> fitted = FitModel(*known, until, report);
    if (!fitted.ok()) {
      return absl::Status(fitted.status().code(), absl::StrCat("--progressive, part ", part + 1, " of ",
                                                               parts, ", fitted to the first ", first,
                                                               " rows: ", fitted.status().message()));
    }
    probabilities.insert(probabilities.end(), fitted->validation_probabilities.begin(),
                         fitted->validation_probabilities.end());
    result.parts.push_back({first, last - first, fitted->validation});
  }
  std::vector<uint32_t> scored(data.rows - start);
  std::iota(scored.begin(), scored.end(), static_cast<uint32_t>(start));
  result.pooled = FiguresByHead(data, scored, probabilities, options.training.threads);
  return result;
}

nlohmann::ordered_json ProgressiveToJson(const std::vector<model::Head>& heads,
                                         const ProgressiveResult& result) {
  nlohmann::ordered_json parts = nlohmann::ordered_json::array();
  for (const ProgressivePart& part : result.parts) {
    parts.push_back(
        {{"first_row", part.first_row}, {"rows", part.rows}, {"heads", FiguresToJson(heads, part.figures)}});
  }
  return {{"parts", parts}, {"pooled", FiguresToJson(heads, result.pooled)}};
}

std::string ProgressiveToTables(const std::vector<model::Head>& heads, const ProgressiveResult& result) {
  std::string tables;
  for (size_t head = 0; head < heads.size(); ++head) {
    std::vector<std::string> names;
    std::vector<HeadFigures> figures;
    for (const ProgressivePart& part : result.parts) {
      names.push_back(absl::StrCat("from row ", part.first_row));
      figures.push_back(part.figures[head]);
      figures.back().intervals = {};  // a line each, for people; --json has them
    }
    names.push_back("all of them");
    figures.push_back(result.pooled[head]);
    absl::StrAppend(&tables, heads[head].name, ", each part scored by a model of all rows before it\n",
                    FiguresToTable(names, "part", figures), "\n");
  }
  return tables;
}

}  // namespace adscore::trainer

#include "trainer/figures_report.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace adscore::trainer {
namespace {

nlohmann::ordered_json OrNull(const std::optional<double>& figure) {
  return figure.has_value() ? nlohmann::ordered_json(*figure) : nlohmann::ordered_json(nullptr);
}

std::string OrDash(const std::optional<double>& figure) {
  return figure.has_value() ? absl::StrFormat("%.4f", *figure) : "-";
}

}  // namespace

nlohmann::ordered_json FiguresToJson(const std::vector<model::Head>& heads,
                                     const std::vector<HeadFigures>& figures) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (size_t i = 0; i < figures.size(); ++i) {
    const HeadFigures& f = figures[i];
    json[heads[i].name] = {{"rows", f.rows},
                           {"positives", f.positives},
                           {"base_rate", f.base_rate},
                           {"auc", OrNull(f.auc)},
                           {"log_loss", f.log_loss},
                           {"normalized_entropy", OrNull(f.normalized_entropy)},
                           {"calibration", OrNull(f.calibration)},
                           {"ece", f.ece}};
  }
  return json;
}

std::string FiguresToTable(const std::vector<model::Head>& heads, const std::vector<HeadFigures>& figures) {
  size_t width = 4;
  for (const model::Head& head : heads) width = std::max(width, head.name.size());
  const auto name_width = static_cast<int>(width);
  std::string table =
      absl::StrFormat("%-*s  %9s  %9s  %8s  %8s  %10s  %11s  %8s\n", name_width, "head", "rows", "base rate",
                      "AUC", "log loss", "norm. ent.", "calibration", "ECE");
  for (size_t i = 0; i < figures.size(); ++i) {
    const HeadFigures& f = figures[i];
    absl::StrAppendFormat(&table, "%-*s  %9d  %8.3f%%  %8s  %8.4f  %10s  %11s  %8.4f\n", name_width,
                          heads[i].name, f.rows, 100 * f.base_rate, OrDash(f.auc), f.log_loss,
                          OrDash(f.normalized_entropy), OrDash(f.calibration), f.ece);
  }
  return table;
}

}  // namespace adscore::trainer

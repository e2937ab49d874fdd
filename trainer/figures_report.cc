#include "trainer/figures_report.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace adscore::trainer {
namespace {

using Json = nlohmann::ordered_json;

Json OrNull(const std::optional<double>& figure) {
  return figure.has_value() ? Json(*figure) : Json(nullptr);
}

Json OrNull(const std::optional<Interval>& interval) {
  return interval.has_value() ? Json{interval->low, interval->high} : Json(nullptr);
}

std::string OrDash(const std::optional<double>& figure) {
  return figure.has_value() ? absl::StrFormat("%.4f", *figure) : "-";
}

// A line under a head's figures with one end of their intervals.
std::string EndLine(int name_width, const char* title, const FigureIntervals& intervals,
                    double Interval::*end) {
  const auto of = [end](const std::optional<Interval>& interval) {
    return OrDash(interval ? std::optional((*interval).*end) : std::nullopt);
  };
  return absl::StrFormat("%*s  %8s  %8s  %8s  %10s  %11s  %8s\n", name_width + 22, title, of(intervals.auc),
                         of(intervals.pr_auc), of(intervals.log_loss), of(intervals.normalized_entropy),
                         of(intervals.calibration), of(intervals.ece));
}

}  // namespace

nlohmann::ordered_json FiguresToJson(const HeadFigures& f) {
  const FigureIntervals& i = f.intervals;
  Json json = {{"rows", f.rows},
               {"positives", f.positives},
               {"base_rate", f.base_rate},
               {"auc", OrNull(f.auc)},
               {"pr_auc", OrNull(f.pr_auc)},
               {"log_loss", f.log_loss},
               {"normalized_entropy", OrNull(f.normalized_entropy)},
               {"calibration", OrNull(f.calibration)},
               {"ece", f.ece}};
  if (i.log_loss) {
    json["intervals"] = {{"auc", OrNull(i.auc)},
                         {"pr_auc", OrNull(i.pr_auc)},
                         {"log_loss", OrNull(i.log_loss)},
                         {"normalized_entropy", OrNull(i.normalized_entropy)},
                         {"calibration", OrNull(i.calibration)},
                         {"ece", OrNull(i.ece)}};
  }
  return json;
}

nlohmann::ordered_json FiguresToJson(const std::vector<model::Head>& heads,
                                     const std::vector<HeadFigures>& figures) {
  Json json = Json::object();
  for (size_t i = 0; i < figures.size(); ++i) json[heads[i].name] = FiguresToJson(figures[i]);
  return json;
}

std::string FiguresToTable(const std::vector<std::string>& names, const std::string& title,
                           const std::vector<HeadFigures>& figures) {
  size_t width = title.size();
  for (const std::string& name : names) width = std::max(width, name.size());
  const auto name_width = static_cast<int>(width);
  std::string table =
      absl::StrFormat("%-*s  %9s  %9s  %8s  %8s  %8s  %10s  %11s  %8s\n", name_width, title, "rows",
                      "base rate", "AUC", "PR-AUC", "log loss", "norm. ent.", "calibration", "ECE");
  for (size_t i = 0; i < figures.size(); ++i) {
    const HeadFigures& f = figures[i];
    absl::StrAppendFormat(&table, "%-*s  %9d  %8.3f%%  %8s  %8s  %8.4f  %10s  %11s  %8.4f\n", name_width,
                          names[i], f.rows, 100 * f.base_rate, OrDash(f.auc), OrDash(f.pr_auc), f.log_loss,
                          OrDash(f.normalized_entropy), OrDash(f.calibration), f.ece);
    if (!f.intervals.log_loss) continue;
    table += EndLine(name_width, "95% from", f.intervals, &Interval::low);
    table += EndLine(name_width, "to", f.intervals, &Interval::high);
  }
  return table;
}

std::string FiguresToTable(const std::vector<model::Head>& heads, const std::vector<HeadFigures>& figures) {
  std::vector<std::string> names;
  for (const model::Head& head : heads) names.push_back(head.name);
  return FiguresToTable(names, "head", figures);
}

}  // namespace adscore::trainer

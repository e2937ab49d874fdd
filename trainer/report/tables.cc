#include "trainer/report/tables.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "trainer/report/html.h"

namespace adscore::trainer::report {
namespace {

constexpr size_t kMostFeatures = 40;  // in the table of importance
constexpr double kBarPixels = 160;

// Titles of figures, in the order of their cells.
std::vector<std::string> FigureTitles(const std::string& title) {
  return {
      Escape(title),
      "rows",
      Explained("base rate", "The share of these rows that was positive."),
      Explained(
          "AUC",
          "The chance that a positive row has a higher probability than a negative one. 0.5 is guessing, "
          "1 is perfect. Below: the 95% interval."),
      Explained(
          "PR-AUC",
          "Average precision: the mean, over positive rows, of the share of positives among the rows that "
          "are at least as probable. Guessing gives the base rate."),
      Explained(
          "log loss",
          "The mean of -ln(probability given to what happened). Lower is better; it depends on the base "
          "rate."),
      Explained(
          "norm. entropy",
          "The log loss divided by that of always saying the base rate of these rows. Below 1 is better "
          "than knowing nothing."),
      Explained("calibration",
                "The sum of the probabilities divided by the positives. 1 is right, 1.05 bids 5% too much."),
      Explained("ECE",
                "Expected calibration error: the mean distance between predicted and actual rate over twenty "
                "groups of alike probability. 0 is perfect; some of it is noise.")};
}

std::vector<std::string> FigureCells(const std::string& name, const HeadFigures& f) {
  const FigureIntervals& i = f.intervals;
  return {Escape(name),
          Count(f.rows),
          Percent(f.base_rate),
          Number(f.auc, i.auc),
          Number(f.pr_auc, i.pr_auc),
          Number(f.log_loss, i.log_loss),
          Number(f.normalized_entropy, i.normalized_entropy),
          Number(f.calibration, i.calibration),
          Number(f.ece, i.ece)};
}

std::string ShareBar(double share) {
  return absl::StrFormat("<span class=\"share%s\" style=\"width:%.0fpx\"></span>", share < 0 ? " less" : "",
                         std::min(1.0, std::abs(share)) * kBarPixels);
}

}  // namespace

std::string FiguresTable(const std::string& title, const std::vector<std::string>& names,
                         const std::vector<HeadFigures>& figures) {
  Table table;
  table.titles = FigureTitles(title);
  for (size_t i = 0; i < figures.size(); ++i) table.rows.push_back(FigureCells(names[i], figures[i]));
  return ToHtml(table);
}

std::string ImportanceTable(const Content& content) {
  Table table;
  table.titles = {"feature", "kind"};
  for (const model::Head& head : content.heads) {
    table.titles.push_back(Explained(content.heads.size() == 1 ? "log loss" : head.name,
                                     "By how much the log loss grows when the feature's values are shuffled "
                                     "among the rows. Below 0: chance; "
                                     "the feature does nothing here."));
    table.titles.push_back("");
  }
  std::vector<double> most(content.heads.size(), 1e-12);
  for (const FeatureImportance& of : content.importance) {
    for (size_t head = 0; head < most.size(); ++head) most[head] = std::max(most[head], of.increase[head]);
  }
  for (const FeatureImportance& of : content.importance) {
    if (table.rows.size() == kMostFeatures) break;
    const model::Feature& feature = content.schema.features[of.feature];
    std::vector<std::string> row = {Escape(feature.name), model::ToString(feature.kind)};
    for (size_t head = 0; head < most.size(); ++head) {
      row.push_back(absl::StrFormat("%+.5f", of.increase[head]));
      row.push_back(absl::StrCat("<div style=\"text-align:left;width:", kBarPixels, "px\">",
                                 ShareBar(of.increase[head] / most[head]), "</div>"));
    }
    table.rows.push_back(std::move(row));
  }
  return ToHtml(table);
}

std::string ColumnsTable(const Content& content) {
  Table table;
  table.titles = {
      "feature",
      "kind",
      Explained("missing", "The share of these rows that have no value, or none that is a number."),
      Explained("different", "How many different numbers or tokens there are in these rows."),
      Explained("vocabulary", "Tokens that the snapshot has an embedding of their own for."),
      Explained(
          "unknown",
          "The share of the tokens in these rows that training never saw, or too rarely: they all share one "
          "embedding. Much of it means that the model is out of date for this feature."),
      "least",
      "25%",
      "median",
      "75%",
      "most"};
  for (size_t f = 0; f < content.columns.size(); ++f) {
    const ColumnSummary& column = content.columns[f];
    const model::Feature& feature = content.schema.features[f];
    std::vector<std::string> row = {
        Escape(feature.name),
        model::ToString(feature.kind),
        Percent(column.missing),
        Count(column.different),
        feature.kind == model::FeatureKind::kNumeric ? "" : Count(column.vocabulary),
        column.unknown ? Percent(*column.unknown) : ""};
    for (size_t q = 0; q < kSummaryQuantiles.size(); ++q) {
      row.push_back(column.quantiles ? absl::StrFormat("%g", (*column.quantiles)[q]) : "");
    }
    table.rows.push_back(std::move(row));
  }
  return ToHtml(table);
}

std::string SlicesTables(const Content& content) {
  std::string html;
  for (const ColumnSlices& column : content.slices) {
    for (size_t head = 0; head < content.heads.size(); ++head) {
      std::vector<std::string> names;
      std::vector<HeadFigures> figures;
      for (const Slice& slice : column.slices) {
        names.push_back(slice.name);
        figures.push_back(slice.figures[head]);
      }
      absl::StrAppend(&html, "<h3>", Escape(content.heads[head].name), " by ", Escape(column.column),
                      "</h3>\n", FiguresTable("value", names, figures));
    }
  }
  return html;
}

std::string ProgressiveTables(const Content& content) {
  std::string html;
  for (size_t head = 0; head < content.heads.size(); ++head) {
    std::vector<std::string> names;
    std::vector<HeadFigures> figures;
    for (const ProgressivePart& part : content.progressive->parts) {
      names.push_back(absl::StrCat("from row ", Count(part.first_row)));
      figures.push_back(part.figures[head]);
    }
    names.push_back("all of them");
    figures.push_back(content.progressive->pooled[head]);
    absl::StrAppend(&html, "<h3>", Escape(content.heads[head].name), "</h3>\n",
                    FiguresTable("part", names, figures));
  }
  return html;
}

std::string ProvenanceTable(const Content& content) {
  std::string html = "<div class=\"scroll\"><table class=\"facts\"><tbody>\n";
  for (const auto& [name, value] : content.provenance) {
    absl::StrAppend(&html, "<tr><td>", Escape(name), "</td><td>", Escape(value), "</td></tr>\n");
  }
  return html + "</tbody></table></div>\n";
}

}  // namespace adscore::trainer::report

#include "trainer/report/page.h"

#include "absl/strings/str_cat.h"
#include "trainer/report/html.h"
#include "trainer/report/plots.h"
#include "trainer/report/style.h"
#include "trainer/report/tables.h"

namespace adscore::trainer::report {
namespace {

// Shows the explanation of what is pointed at, or reached with the keyboard, or touched.
constexpr const char* kScript = R"js(
const box = document.getElementById('tip');
function show(event) {
  const of = event.target.closest('.tip');
  box.hidden = !of;
  if (!of) return;
  box.textContent = of.dataset.tip;
  const at = of.getBoundingClientRect();
  const left = Math.min(at.left, document.documentElement.clientWidth - box.offsetWidth - 8);
  box.style.left = Math.max(8, left) + scrollX + 'px';
  box.style.top = at.bottom + 6 + scrollY + 'px';
}
for (const kind of ['mouseover', 'focusin', 'click']) document.addEventListener(kind, show);
)js";

std::string Heading(const std::string& title, const std::string& explanation) {
  return absl::StrCat("<h2>", Escape(title), "</h2>\n<p>", Escape(explanation), "</p>\n");
}

std::string VerdictBox(const std::string& style, const std::string& headline,
                       const std::vector<std::string>& details) {
  std::string html = absl::StrCat("<div class=\"verdict ", style, "\"><b>", Escape(headline), "</b>\n");
  for (const std::string& detail : details) absl::StrAppend(&html, "<span>", Escape(detail), "</span>\n");
  return html + "</div>\n";
}

const char* StyleOf(const HeadVerdict& verdict) {
  const Winner rate = verdict.versus_base_rate.winner;
  const Winner regression = verdict.versus_logistic_regression.winner;
  if (rate == Winner::kSecond || regression == Winner::kSecond) return "bad";
  return rate == Winner::kFirst && regression == Winner::kFirst ? "good" : "open";
}

std::string Verdicts(const Content& content) {
  std::string html;
  if (!content.verdicts.empty()) {
    html += Heading(
        "Verdict",
        "The model against always saying the training rows' base rate, and against logistic regression "
        "fitted to the same rows, one weight per token and per bin of a number. In brackets: 95% "
        "intervals of the difference, both measured on the same resampled rows.");
    for (const HeadVerdict& verdict : content.verdicts) {
      html +=
          VerdictBox(StyleOf(verdict), absl::StrCat(verdict.head, ": ", verdict.summary), verdict.details);
    }
  }
  if (content.comparison) {
    html +=
        Heading("Comparison", absl::StrCat(content.comparison->first, " against ", content.comparison->second,
                                           " on the same rows, with 95% intervals of the difference."));
    for (const HeadComparison& head : content.comparison->heads) {
      const Winner winner = head.comparison.winner;
      const char* style = winner == Winner::kFirst ? "good" : winner == Winner::kSecond ? "bad" : "open";
      html += VerdictBox(style, absl::StrCat(head.head, ": ", head.sentence), {});
    }
  }
  return html;
}

std::string Figures(const Content& content) {
  std::vector<std::string> names;
  for (const model::Head& head : content.heads) names.push_back(head.name);
  return absl::StrCat(
      Heading(
          "Figures",
          "Small print: 95% intervals, within which a figure would lie if other rows had been drawn from the "
          "same source, by a bootstrap over the rows. Point at a title for what it means."),
      FiguresTable("head", names, content.figures));
}

std::string Charts(const Content& content) {
  std::string html;
  for (size_t head = 0; head < content.rows.size(); ++head) {
    const HeadRows& rows = content.rows[head];
    const HeadFigures& figures = content.figures[head];
    if (figures.rows == 0) continue;
    absl::StrAppend(&html, "<h2>", Escape(content.heads[head].name), "</h2>\n<div class=\"plots\">\n");
    if (figures.auc) html += RocPlot(rows, figures) + PrecisionRecallPlot(rows, figures);
    absl::StrAppend(&html, ReliabilityPlot(rows), ScorePlot(rows), "</div>\n");
  }
  return html;
}

}  // namespace

std::string Page(const Content& content) {
  std::string html = absl::StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
      Escape(content.title), "</title>\n<style>", kStyle, "</style>\n</head>\n<body>\n<main>\n<h1>",
      Escape(content.title), "</h1>\n<p class=\"lead\">", Escape(content.measured), "</p>\n");
  absl::StrAppend(&html, Verdicts(content), Figures(content));
  if (!content.notices.empty()) {
    html += Heading("Notices", "What the trainer found worth saying about the data and the fit.");
    html += "<ul>\n";
    for (const std::string& notice : content.notices) {
      absl::StrAppend(&html, "<li>", Escape(notice), "</li>\n");
    }
    html += "</ul>\n";
  }
  html += Charts(content);
  if (content.progressive) {
    absl::StrAppend(
        &html,
        Heading("Progressive validation",
                "The later half of the rows in parts, each scored by a model that was fitted to all "
                "rows before it: how the figures hold as time goes on."),
        ProgressiveTables(content));
  }
  if (!content.history.empty()) {
    absl::StrAppend(&html, "<h2>Training</h2>\n<div class=\"plots\">\n",
                    LossPlot(content.history, content.best_epochs), "</div>\n");
  }
  if (!content.importance.empty()) {
    absl::StrAppend(
        &html,
        Heading("What the model leans on",
                absl::StrCat(
                    "By how much the log loss grows when a feature's values are shuffled among the rows, so "
                    "that they say nothing any more. Features that say the same share their importance.",
                    content.shuffled_rows == 0
                        ? ""
                        : absl::StrCat(" Measured on ", Count(content.shuffled_rows),
                                       " of the rows that the figures are of, spread evenly over them."))),
        ImportanceTable(content));
  }
  if (!content.slices.empty()) {
    absl::StrAppend(
        &html,
        Heading("Slices",
                "The figures of parts of the rows: a model that is right on the whole can be wrong for "
                "one of them. Look for a calibration whose interval leaves out 1."),
        SlicesTables(content));
  }
  if (!content.columns.empty()) {
    const std::string rows = content.described_rows == 0
                                 ? "the rows that the figures are of."
                                 : absl::StrCat(Count(content.described_rows),
                                                " rows, drawn at random from those that the figures are of.");
    absl::StrAppend(&html, Heading("Columns", absl::StrCat("Each feature in ", rows)), ColumnsTable(content));
  }
  absl::StrAppend(&html, "<h2>Provenance</h2>\n", ProvenanceTable(content),
                  "</main>\n<div id=\"tip\" role=\"tooltip\" hidden></div>\n<script>", kScript,
                  "</script>\n</body>\n</html>\n");
  return html;
}

}  // namespace adscore::trainer::report

#include "trainer/report/plots.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "trainer/report/chart.h"
#include "trainer/report/curves.h"
#include "trainer/report/html.h"

namespace adscore::trainer::report {
namespace {

constexpr size_t kReliabilityBins = 15;
constexpr size_t kScoreBins = 40;

std::string Figure(const std::string& title, const Chart& chart, const std::string& caption) {
  return absl::StrCat("<figure><h4>", Escape(title), "</h4>\n", chart.Svg(), "<figcaption>", Escape(caption),
                      "</figcaption></figure>\n");
}

std::string OrUnknown(const std::optional<double>& value) {
  return value ? absl::StrFormat("%.4f", *value) : "not defined";
}

}  // namespace

std::string RocPlot(const HeadRows& rows, const HeadFigures& figures) {
  Chart chart({"share of negatives above the threshold"}, {"share of positives above"}, "ROC curve");
  chart.Line({{0, 0}, {1, 1}}, "guide");
  const RankCurves curves = ComputeRankCurves(rows.probabilities, rows.labels);
  chart.Area(curves.roc, "first");
  chart.Line(curves.roc, "first");
  return Figure(
      "ROC", chart,
      absl::StrCat("For every threshold: of the rows that were positive, how many lie above it, and of "
                   "the others. The area below is AUC, ",
                   OrUnknown(figures.auc), "; the dashed line is guessing."));
}

std::string PrecisionRecallPlot(const HeadRows& rows, const HeadFigures& figures) {
  const RankCurves curves = ComputeRankCurves(rows.probabilities, rows.labels);
  // The few rows on top may all be positive by chance: beyond them the curve has the room.
  double high = 2 * figures.base_rate;
  for (const Point& point : curves.precision_recall) {
    if (point.x >= 0.05) high = std::max(high, 1.2 * point.y);
  }
  Chart chart({"recall: share of positives above the threshold"},
              {"precision: share positive above", 0, std::min(1.0, high)}, "precision-recall curve");
  chart.Line({{0, figures.base_rate}, {1, figures.base_rate}}, "guide");
  chart.Area(curves.precision_recall, "first");
  chart.Line(curves.precision_recall, "first");
  return Figure(
      "Precision and recall", chart,
      absl::StrCat("If only rows above a threshold are taken: how many of the positives one gets, and "
                   "how many of those taken are positive. The area below is PR-AUC, ",
                   OrUnknown(figures.pr_auc),
                   "; the dashed line is the base rate, which guessing "
                   "gives."));
}

std::string ReliabilityPlot(const HeadRows& rows) {
  const std::vector<ReliabilityBin> bins =
      ComputeReliability(rows.probabilities, rows.labels, kReliabilityBins);
  double high = 1e-6;
  for (const ReliabilityBin& bin : bins) high = std::max({high, bin.predicted, bin.interval.high});
  high = std::min(1.0, 1.05 * high);
  Chart chart({"mean probability", 0, high}, {"share that was positive", 0, high}, "reliability");
  chart.Line({{0, 0}, {high, high}}, "guide");
  std::vector<Point> line;
  for (const ReliabilityBin& bin : bins) line.push_back({bin.predicted, bin.actual});
  chart.Line(line, "first");
  for (const ReliabilityBin& bin : bins) {
    chart.Dot({bin.predicted, bin.actual}, bin.interval.low, bin.interval.high, "first",
              absl::StrCat(Count(bin.rows), " rows, ", Count(bin.positives), " of them positive: predicted ",
                           Percent(bin.predicted), ", actual ", Percent(bin.actual), " [",
                           Percent(bin.interval.low), ", ", Percent(bin.interval.high), "]"));
  }
  const std::string count = bins.empty() ? "0" : Count(bins.front().rows);
  return Figure(
      "Reliability", chart,
      absl::StrCat("Rows of alike probability in ", bins.size(), " groups of some ", count,
                   ": what was predicted, and what happened, with 95% intervals. On the dashed line "
                   "the probabilities are right; below it they are too high. Point at a group for "
                   "its counts."));
}

std::string ScorePlot(const HeadRows& rows) {
  const ScoreHistogram histogram = ComputeHistogram(rows.probabilities, rows.labels, kScoreBins);
  double top = 0.01;
  for (const auto* shares : {&histogram.positives, &histogram.negatives}) {
    for (const double share : *shares) top = std::max(top, share);
  }
  Chart chart({"probability", 0, histogram.high}, {"share of the class's rows", 0, 1.05 * top},
              "distribution of the probabilities");
  const std::pair<const std::vector<double>*, const char*> classes[] = {{&histogram.negatives, "second"},
                                                                        {&histogram.positives, "first"}};
  for (const auto& [shares, style] : classes) {
    for (size_t bin = 0; bin < kScoreBins; ++bin) {
      const double width = histogram.high / kScoreBins;
      const double left = width * static_cast<double>(bin);
      if ((*shares)[bin] == 0) continue;
      chart.Bar(left, left + width, (*shares)[bin], style,
                absl::StrFormat("%s of the %s have %.4g to %.4g", Percent((*shares)[bin]),
                                style == classes[1].second ? "positives" : "negatives", left, left + width));
    }
  }
  chart.Legend({{"first", "positive rows"}, {"second", "negative rows"}});
  return Figure(
      "Distribution of the probabilities", chart,
      "How the probabilities of positive and of negative rows are spread, each class by itself. The "
      "further apart, the better they are told apart. The last bar holds what lies beyond.");
}

std::string LossPlot(const std::vector<LossLook>& history, double best_epochs) {
  double low = history.front().tuning_loss;
  double high = low;
  std::vector<Point> training;
  std::vector<Point> tuning;
  for (const LossLook& look : history) {
    low = std::min({low, look.training_loss, look.tuning_loss});
    high = std::max({high, look.training_loss, look.tuning_loss});
    training.push_back({look.epochs, look.training_loss});
    tuning.push_back({look.epochs, look.tuning_loss});
  }
  const double margin = 0.08 * (high - low) + 1e-6;
  Chart chart({"epochs", 0, history.back().epochs}, {"loss", low - margin, high + margin}, "loss by epoch");
  chart.Line({{best_epochs, low - margin}, {best_epochs, high + margin}}, "guide");
  chart.Line(training, "second");
  chart.Line(tuning, "first");
  chart.Legend({{"first", "tuning rows"}, {"second", "training rows"}});
  return Figure(
      "Loss by epoch", chart,
      absl::StrFormat("The cross-entropy of a row, summed over heads: of tuning rows, which nothing was "
                      "learnt from, and of the last hundred batches of training rows. Where the first "
                      "rises while the second falls, the network only learns by heart; the dashed "
                      "line is the state that was kept, after %.2f epochs.",
                      best_epochs));
}

}  // namespace adscore::trainer::report

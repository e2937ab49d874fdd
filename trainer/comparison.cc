#include "trainer/comparison.h"

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "trainer/bootstrap.h"
#include "trainer/ranked_rows.h"

namespace adscore::trainer {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

// One resample: both measured on the same rows.
struct Pair {
  HeadFigures first;
  HeadFigures second;
};

double LogLossDifference(const Pair& p) { return p.first.log_loss - p.second.log_loss; }
double EntropyDifference(const Pair& p) {
  return p.first.normalized_entropy.value_or(kNothing) - p.second.normalized_entropy.value_or(kNothing);
}
double AucDifference(const Pair& p) {
  return p.first.auc.value_or(kNothing) - p.second.auc.value_or(kNothing);
}
double Saved(const Pair& p) {
  return p.second.log_loss > 0 ? 1 - p.first.log_loss / p.second.log_loss : kNothing;
}

std::string Percent(double share) { return absl::StrFormat("%.2f%%", 100 * share); }

Json IntervalJson(const std::optional<Interval>& interval) {
  return interval ? Json{interval->low, interval->high} : Json(nullptr);
}

}  // namespace

Comparison Compare(std::span<const float> first, std::span<const float> second,
                   std::span<const uint8_t> labels, size_t threads) {
  Comparison comparison;
  comparison.first = ComputeFigures(first, labels);
  comparison.second = ComputeFigures(second, labels);
  const Pair all = {comparison.first, comparison.second};
  comparison.log_loss.value = LogLossDifference(all);
  comparison.saved.value = std::isnan(Saved(all)) ? 0 : Saved(all);
  if (all.first.auc) {
    comparison.normalized_entropy = Difference{EntropyDifference(all), std::nullopt};
    comparison.auc = Difference{AucDifference(all), std::nullopt};
  }
  if (labels.empty()) return comparison;

  const std::vector<uint32_t> drawn = RowsToResample(labels.size());
  std::vector<float> drawn_first;
  std::vector<float> drawn_second;
  std::vector<uint8_t> drawn_labels;
  for (const uint32_t row : drawn) {
    drawn_first.push_back(first[row]);
    drawn_second.push_back(second[row]);
    drawn_labels.push_back(labels[row]);
  }
  const RankedRows ranked_first(drawn_first, drawn_labels);
  const RankedRows ranked_second(drawn_second, drawn_labels);
  std::vector<Pair> resamples(Resamples(drawn.size()));
  ForEachResample(drawn.size(), threads, [&](size_t resample, std::span<const uint8_t> weights) {
    resamples[resample] = {ranked_first.Figures(weights), ranked_second.Figures(weights)};
  });
  const std::vector<uint8_t> once(drawn.size(), 1);
  const Pair resampled = {ranked_first.Figures(once), ranked_second.Figures(once)};
  const double narrowing = std::sqrt(static_cast<double>(drawn.size()) / static_cast<double>(labels.size()));
  const auto fill = [&](Difference* difference, double (*figure)(const Pair&)) {
    std::vector<double> values;
    for (const Pair& pair : resamples) values.push_back(figure(pair));
    difference->interval =
        PercentileInterval(difference->value, figure(resampled), std::move(values), narrowing);
  };
  fill(&comparison.log_loss, &LogLossDifference);
  fill(&comparison.saved, &Saved);
  if (comparison.auc) {
    fill(&*comparison.normalized_entropy, &EntropyDifference);
    fill(&*comparison.auc, &AucDifference);
  }
  if (const std::optional<Interval>& interval = comparison.log_loss.interval) {
    if (interval->high < 0) comparison.winner = Winner::kFirst;
    if (interval->low > 0) comparison.winner = Winner::kSecond;
  }
  return comparison;
}

std::string Describe(const Comparison& comparison, const std::string& first, const std::string& second) {
  const double saved = comparison.saved.value;
  const Interval interval = comparison.saved.interval.value_or(Interval{saved, saved});
  switch (comparison.winner) {
    case Winner::kFirst:
      return absl::StrCat(first, " is better than ", second, ": ", Percent(saved), " lower log loss [",
                          Percent(interval.low), ", ", Percent(interval.high), "]");
    case Winner::kSecond:
      return absl::StrCat(first, " is worse than ", second, ": ", Percent(-saved), " higher log loss [",
                          Percent(-interval.high), ", ", Percent(-interval.low), "]");
    case Winner::kNeither:
      break;
  }
  return absl::StrCat(first, " can't be told from ", second, " on these ", comparison.first.rows,
                      " rows: its log loss is ", Percent(std::abs(saved)), saved < 0 ? " higher" : " lower",
                      ", and anything from ", Percent(std::abs(interval.low)),
                      interval.low < 0 ? " higher" : " lower", " to ", Percent(std::abs(interval.high)),
                      interval.high < 0 ? " higher" : " lower", " would be no surprise");
}

nlohmann::ordered_json ComparisonToJson(const Comparison& comparison) {
  const auto value = [](const std::optional<Difference>& d) { return d ? Json(d->value) : Json(nullptr); };
  const auto interval = [](const std::optional<Difference>& d) {
    return d ? IntervalJson(d->interval) : Json(nullptr);
  };
  return {{"rows", comparison.first.rows},
          {"log_loss_difference", comparison.log_loss.value},
          {"normalized_entropy_difference", value(comparison.normalized_entropy)},
          {"auc_difference", value(comparison.auc)},
          {"log_loss_saved", comparison.saved.value},
          {"intervals",
           {{"log_loss_difference", IntervalJson(comparison.log_loss.interval)},
            {"normalized_entropy_difference", interval(comparison.normalized_entropy)},
            {"auc_difference", interval(comparison.auc)},
            {"log_loss_saved", IntervalJson(comparison.saved.interval)}}},
          {"winner", ToString(comparison.winner)}};
}

const char* ToString(Winner winner) {
  switch (winner) {
    case Winner::kFirst:
      return "first";
    case Winner::kSecond:
      return "second";
    case Winner::kNeither:
      break;
  }
  return "neither";
}

}  // namespace adscore::trainer

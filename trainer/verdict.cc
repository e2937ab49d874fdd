#include "trainer/verdict.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "trainer/baseline.h"
#include "trainer/evaluation.h"
#include "trainer/figures_report.h"

namespace adscore::trainer {
namespace {

constexpr const char* kModel = "the model";
constexpr const char* kBaseRate = "always saying the base rate";
constexpr const char* kLogisticRegression = "logistic regression";

std::string Summary(const HeadVerdict& verdict) {
  const Winner rate = verdict.versus_base_rate.winner;
  const Winner regression = verdict.versus_logistic_regression.winner;
  if (rate == Winner::kSecond) {
    return "WORSE THAN NOTHING: always saying the base rate is better than this model; don't serve it";
  }
  if (regression == Winner::kSecond) {
    return "WORSE THAN LOGISTIC REGRESSION: a simpler model does better on these rows; try more data, a "
           "lower "
           "--learning-rate or a smaller --hidden";
  }
  if (rate == Winner::kNeither) {
    return "NOT BETTER THAN NOTHING, as far as these rows can tell: validate on more rows, or look for "
           "features that say more";
  }
  if (regression == Winner::kNeither) {
    return "better than the base rate, and not distinguishable from logistic regression on these rows";
  }
  return "better than the base rate and than logistic regression";
}

}  // namespace

absl::StatusOr<std::vector<HeadVerdict>> Judge(const Dataset& data, const Split& split,
                                               const FitOptions& options,
                                               const std::vector<model::Head>& heads,
                                               std::span<const float> probabilities) {
  const size_t threads = options.training.threads;
  const absl::StatusOr<std::vector<float>> baseline =
      BaselineProbabilities(data, split, options.encoders, threads);
  if (!baseline.ok()) return baseline.status();
  std::vector<HeadVerdict> verdicts;
  for (size_t head = 0; head < heads.size(); ++head) {
    const HeadRows model = RowsOfHead(data, split.validation, probabilities, head);
    const HeadRows regression = RowsOfHead(data, split.validation, *baseline, head);
    const std::vector<float> rate(model.labels.size(), static_cast<float>(heads[head].base_rate));
    HeadVerdict verdict;
    verdict.head = heads[head].name;
    verdict.versus_base_rate = Compare(model.probabilities, rate, model.labels, threads);
    verdict.versus_logistic_regression =
        Compare(model.probabilities, regression.probabilities, model.labels, threads);
    verdict.summary = Summary(verdict);
    verdict.details = {Describe(verdict.versus_base_rate, kModel, kBaseRate),
                       Describe(verdict.versus_logistic_regression, kModel, kLogisticRegression)};
    verdicts.push_back(std::move(verdict));
  }
  return verdicts;
}

nlohmann::ordered_json VerdictToJson(const std::vector<HeadVerdict>& verdicts) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const HeadVerdict& verdict : verdicts) {
    nlohmann::ordered_json& of = json[verdict.head] = {
        {"summary", verdict.summary},
        {"versus_base_rate", ComparisonToJson(verdict.versus_base_rate)},
        {"versus_logistic_regression", ComparisonToJson(verdict.versus_logistic_regression)}};
    of["versus_base_rate"]["verdict"] = verdict.details[0];
    of["versus_logistic_regression"]["verdict"] = verdict.details[1];
    of["logistic_regression"] = FiguresToJson(verdict.versus_logistic_regression.second);
  }
  return json;
}

}  // namespace adscore::trainer

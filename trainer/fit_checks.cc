#include "trainer/fit_checks.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace adscore::trainer {
namespace {

// Rows of a batch whose means and variances are worth something.
constexpr size_t kFewestToNormalise = 16;

// That each part has rows that are old enough for the head.
absl::Status CheckKnown(const Dataset& data, const Split& split, size_t head, const std::string& name,
                        SplitKind kind) {
  const std::pair<const char*, const std::vector<uint32_t>*> parts[] = {
      {"learn from", &split.training}, {"tune on", &split.tuning}, {"validate on", &split.validation}};
  for (const auto& [purpose, rows] : parts) {
    if (Known(data.labels[head], *rows) > 0) continue;
    const auto young =
        static_cast<uint64_t>(std::count(data.labels[head].begin(), data.labels[head].end(), kUnknownLabel));
    return absl::InvalidArgumentError(
        absl::StrCat("label '", name, "': the ", rows->size(), " rows to ", purpose,
                     " are all younger than its --label-window, as are ", young, " of all ", data.rows, ": ",
                     kind == SplitKind::kTail
                         ? absl::StrFormat("keep more than %.3g of them for --validation, give a longer "
                                           "log, or use --split random",
                                           static_cast<double>(young) / static_cast<double>(data.rows))
                         : std::string("give a longer log")));
  }
  return absl::OkStatus();
}

}  // namespace

uint64_t Positives(const std::vector<uint8_t>& labels, std::span<const uint32_t> rows) {
  return static_cast<uint64_t>(
      std::count_if(rows.begin(), rows.end(), [&](uint32_t row) { return labels[row] == 1; }));
}

uint64_t Known(const std::vector<uint8_t>& labels, std::span<const uint32_t> rows) {
  return static_cast<uint64_t>(
      std::count_if(rows.begin(), rows.end(), [&](uint32_t row) { return labels[row] != kUnknownLabel; }));
}

absl::Status CheckTrainingLabels(const Dataset& data, const Split& split, const FitOptions& options,
                                 std::vector<std::string>* notices) {
  for (size_t head = 0; head < options.labels.size(); ++head) {
    const std::string& name = options.labels[head].column;
    absl::Status known = CheckKnown(data, split, head, name, options.split);
    if (!known.ok()) return known;
    const uint64_t positives = Positives(data.labels[head], split.training);
    const uint64_t rows = Known(data.labels[head], split.training);
    if (positives == 0 || positives == rows) {
      return absl::InvalidArgumentError(
          absl::StrCat("the label '", name, "' is ", positives == 0 ? "never" : "always", " positive in the ",
                       rows, " rows to train on, though it varies in all ", data.rows,
                       ": if the rows are sorted by it, use --split random"));
    }
    if (Positives(data.labels[head], split.tuning) == 0) {
      notices->push_back(absl::StrCat("label '", name, "': none of the ", split.tuning.size(),
                                      " tuning rows is positive, so that its calibration is a guess"));
    }
    if (Positives(data.labels[head], split.validation) == 0) {
      notices->push_back(absl::StrCat("label '", name, "': none of the ", split.validation.size(),
                                      " validation rows is positive, so that AUC, normalised entropy and "
                                      "calibration can't be said"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckBatchNorm(const TrainingOptions& training) {
  if (!training.batch_norm) return absl::OkStatus();
  if (training.hidden.empty()) {
    return absl::InvalidArgumentError(
        "--batch-norm normalises hidden layers, and --hidden none has none: leave one of them out");
  }
  if (training.batch_size >= kFewestToNormalise) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "--batch-norm takes means and variances from batches, and --batch-size ", training.batch_size,
      " has too few rows for that: give it at least ", kFewestToNormalise, ", or leave --batch-norm out"));
}

absl::StatusOr<std::vector<float>> PositiveWeightsByHead(const std::vector<PositiveWeight>& weights,
                                                         const std::vector<model::Label>& labels) {
  std::vector<float> by_head(weights.empty() ? 0 : labels.size(), 1.0F);
  for (const PositiveWeight& weight : weights) {
    bool found = false;
    for (size_t head = 0; head < labels.size(); ++head) {
      if (!weight.head.empty() && weight.head != labels[head].column) continue;
      by_head[head] = weight.weight;
      found = true;
    }
    if (!found) {
      return absl::InvalidArgumentError(
          absl::StrCat("--positive-weight names '", weight.head, "', which is none of the labels"));
    }
  }
  return by_head;
}

}  // namespace adscore::trainer

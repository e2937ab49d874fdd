#include "trainer/feature_importance.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "trainer/evaluation.h"
#include "trainer/metrics.h"
#include "trainer/random.h"
#include "trainer/row_subset.h"

namespace adscore::trainer {
namespace {

constexpr uint64_t kShuffleKey = 0x5045524D;
constexpr size_t kShuffles = 3;

absl::StatusOr<std::vector<double>> LossByHead(const model::Model& model, const Dataset& data,
                                               std::span<const uint32_t> rows, size_t threads) {
  const absl::StatusOr<std::vector<float>> scored = ScoreRows(model, data, rows, threads);
  if (!scored.ok()) return scored.status();
  const std::vector<float>& probabilities = *scored;
  std::vector<double> losses(model.heads());
  for (size_t head = 0; head < losses.size(); ++head) {
    const HeadRows of_head = RowsOfHead(data, rows, probabilities, head);
    for (size_t i = 0; i < of_head.labels.size(); ++i) {
      losses[head] += LogLoss(of_head.probabilities[i], of_head.labels[i] != 0);
    }
    losses[head] /= std::max(1.0, static_cast<double>(of_head.labels.size()));
  }
  return losses;
}

}  // namespace

absl::StatusOr<std::vector<FeatureImportance>> PermutationImportance(const model::Model& model,
                                                                     const Dataset& data,
                                                                     std::span<const uint32_t> rows,
                                                                     size_t threads) {
  std::vector<uint32_t> spread;
  const size_t count = std::min(rows.size(), kMostShuffledRows);
  for (size_t i = 0; i < count; ++i) spread.push_back(rows[rows.size() * i / count]);
  absl::StatusOr<Dataset> taken = TakeRows(data, spread);
  if (!taken.ok()) return taken.status();
  Dataset& sample = *taken;
  std::vector<uint32_t> all(count);
  std::iota(all.begin(), all.end(), 0U);
  const absl::StatusOr<std::vector<double>> whole = LossByHead(model, sample, all, threads);
  if (!whole.ok()) return whole.status();

  std::vector<std::vector<uint32_t>> orders;
  for (size_t shuffle = 0; shuffle < kShuffles; ++shuffle) {
    orders.push_back(all);
    Random(kShuffleKey, shuffle).Shuffle(&orders.back());
  }
  std::vector<FeatureImportance> importance;
  for (size_t f = 0; f < sample.columns.size(); ++f) {
    FeatureImportance of;
    of.feature = f;
    of.increase.resize(whole->size());
    Column kept = std::move(sample.columns[f]);
    for (const std::vector<uint32_t>& order : orders) {
      sample.columns[f] = SubsetColumn(kept, sample.schema.features[f].kind, order);
      const absl::StatusOr<std::vector<double>> shuffled = LossByHead(model, sample, all, threads);
      if (!shuffled.ok()) return shuffled.status();
      for (size_t head = 0; head < whole->size(); ++head) {
        of.increase[head] += ((*shuffled)[head] - (*whole)[head]) / kShuffles;
      }
    }
    sample.columns[f] = std::move(kept);
    importance.push_back(std::move(of));
  }
  const auto sum = [](const FeatureImportance& of) {
    return std::accumulate(of.increase.begin(), of.increase.end(), 0.0);
  };
  std::stable_sort(importance.begin(), importance.end(),
                   [&](const FeatureImportance& a, const FeatureImportance& b) { return sum(a) > sum(b); });
  return importance;
}

}  // namespace adscore::trainer

#include "trainer/recentring.h"

#include <vector>

#include "absl/status/statusor.h"
#include "model/calibrator.h"
#include "trainer/training_loop.h"

namespace adscore::trainer {
namespace {

constexpr size_t kMostRows = 2'000'000;
constexpr double kLargestShift = 1;
constexpr int kHalvings = 30;

}  // namespace

absl::Status Recentre(const EncodedData& encoded, const InputLayout& layout, const Dataset& data,
                      std::span<const uint32_t> rows, const Chains& chains, size_t threads,
                      Parameters* parameters) {
  std::vector<uint32_t> some;
  const size_t step = (rows.size() + kMostRows - 1) / kMostRows;
  for (size_t i = 0; i < rows.size(); i += step) some.push_back(rows[i]);
  const absl::StatusOr<std::vector<float>> logits = ScoreLogits(encoded, layout, some, *parameters, threads);
  if (!logits.ok()) return logits.status();

  const size_t heads = data.labels.size();
  std::vector<std::vector<double>> served(heads);  // [heads][some]: the probabilities, once moved
  for (size_t head = 0; head < heads; ++head) {
    const std::vector<uint8_t>& labels = data.labels[head];
    const std::vector<double>* before = nullptr;  // the probabilities of the head that it follows
    if (!chains.empty() && chains[head]) before = &served[*chains[head]];
    const auto probability = [&](size_t i, double shift) {
      const double p = model::Sigmoid((*logits)[i * heads + head] + shift);
      return before == nullptr ? p : p * (*before)[i];
    };
    double positives = 0;
    for (const uint32_t row : some) positives += labels[row] == 1 ? data.Weight(row) : 0;
    double shift = 0;
    if (positives > 0) {
      double low = -kLargestShift;
      double high = kLargestShift;
      for (int halving = 0; halving < kHalvings; ++halving) {
        shift = (low + high) / 2;
        double sum = 0;
        for (size_t i = 0; i < some.size(); ++i) {
          if (labels[some[i]] != kUnknownLabel) sum += data.Weight(some[i]) * probability(i, shift);
        }
        (sum > positives ? high : low) = shift;
      }
    }
    parameters->layers.back().bias[head] += static_cast<float>(shift);
    if (chains.empty()) continue;
    for (size_t i = 0; i < some.size(); ++i) served[head].push_back(probability(i, shift));
  }
  return absl::OkStatus();
}

}  // namespace adscore::trainer

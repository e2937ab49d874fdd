#include "trainer/training_loop.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "model/kernels/kernel_set.h"
#include "trainer/random.h"
#include "trainer/workers.h"

namespace adscore::trainer {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kShuffleKey =
    0x5348554646;  // so that the order, the drop-outs and the weights are drawn apart
constexpr uint64_t kDropoutKey = 0x44524F50;
constexpr size_t kBatchesPerReport = 16;

std::vector<double> BaseRates(const EncodedRows& data, std::span<const uint32_t> rows) {
  std::vector<double> rates(data.heads);
  for (size_t head = 0; head < data.heads; ++head) {
    double positives = 0;
    for (const uint32_t row : rows) positives += data.labels[row * data.heads + head];
    // Half a row of either kind keeps the log-odds finite.
    rates[head] = (positives + 0.5) / (static_cast<double>(rows.size()) + 1);
  }
  return rates;
}

double MeanLoss(const EncodedRows& data, std::span<const uint32_t> rows, std::span<const float> logits) {
  double loss = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t head = 0; head < data.heads; ++head) {
      const double z = logits[i * data.heads + head];
      loss += std::log1p(std::exp(-std::abs(z))) + std::max(z, 0.0);
      if (data.labels[rows[i] * data.heads + head] != 0) loss -= z;
    }
  }
  return loss / static_cast<double>(rows.size());
}

absl::Status NotFinite(double epochs_done, const TrainingOptions& options) {
  return absl::InvalidArgumentError(absl::StrFormat(
      "the loss is not a finite number any more after %.2f epochs, so that nothing was published: lower "
      "--learning-rate (it is %g), or look for huge numbers in the data",
      epochs_done, options.learning_rate));
}

}  // namespace

absl::StatusOr<TrainingResult> Train(const EncodedRows& data, const InputLayout& layout,
                                     std::span<const uint32_t> training, std::span<const uint32_t> tuning,
                                     const TrainingOptions& options,
                                     const std::function<void(const TrainingProgress&)>& progress) {
  const absl::StatusOr<const model::KernelSet*> kernels = model::FindKernelSet("auto");
  if (!kernels.ok()) return kernels.status();
  Workers workers(options.threads);
  Network network(layout, options.hidden, data.heads, **kernels, workers);
  Optimizer optimizer(layout,
                      InitialParameters(layout, options.hidden, BaseRates(data, training), options.seed),
                      options.optimizer, workers);

  std::vector<uint32_t> order(training.begin(), training.end());
  std::vector<float> logits(tuning.size() * data.heads);
  const size_t batches = (order.size() + options.batch_size - 1) / options.batch_size;
  const uint64_t steps = batches * options.epochs;
  TrainingResult best;
  best.tuning_loss = HUGE_VAL;
  size_t looks_since_best = 0;
  double training_seconds = 0;
  double loss_sum = 0;
  size_t loss_count = 0;
  TrainingProgress report;
  report.epochs = options.epochs;

  for (uint64_t step = 0; step < steps; ++step) {
    const Clock::time_point begin = Clock::now();
    const size_t batch = step % batches;
    if (batch == 0) Random(options.seed ^ kShuffleKey, step / batches).Shuffle(&order);
    const size_t first = batch * options.batch_size;
    const std::span<const uint32_t> rows =
        std::span<const uint32_t>(order).subspan(first, std::min(options.batch_size, order.size() - first));
    network.Use(optimizer.parameters());
    const uint64_t key = Random(options.seed ^ kDropoutKey, step).Bits();
    const double loss = network.Backpropagate(data, rows, options.dropout, key);
    optimizer.Step(network.gradients(), options.learning_rate);
    training_seconds += std::chrono::duration<double>(Clock::now() - begin).count();

    report.epochs_done = static_cast<double>(step + 1) / static_cast<double>(batches);
    if (!std::isfinite(loss)) return NotFinite(report.epochs_done, options);
    loss_sum += loss;
    ++loss_count;
    report.rows += rows.size();
    report.rows_per_second = static_cast<double>(report.rows) / training_seconds;
    report.training_loss = loss_sum / static_cast<double>(loss_count);
    report.looked =
        (batch + 1) * options.looks_per_epoch / batches != batch * options.looks_per_epoch / batches;
    if (report.looked) {
      Parameters average = optimizer.Average();
      network.Use(average);
      network.Logits(data, tuning, logits.data());
      report.tuning_loss = MeanLoss(data, tuning, logits);
      if (!std::isfinite(report.tuning_loss)) return NotFinite(report.epochs_done, options);
      report.best = report.tuning_loss < best.tuning_loss;
      looks_since_best = report.best ? 0 : looks_since_best + 1;
      if (report.best) {
        best.parameters = std::move(average);
        best.tuning_loss = report.tuning_loss;
        best.best_epochs = report.epochs_done;
      }
      loss_sum = 0;
      loss_count = 0;
    }
    if (report.looked || step % kBatchesPerReport == 0) progress(report);
    if (looks_since_best >= options.patience) break;
  }
  best.epochs = report.epochs_done;
  best.rows_per_second = report.rows_per_second;
  return best;
}

std::vector<float> ScoreLogits(const EncodedRows& data, const InputLayout& layout,
                               std::span<const uint32_t> rows, const Parameters& parameters, size_t threads) {
  std::vector<size_t> hidden;
  for (size_t l = 0; l + 1 < parameters.layers.size(); ++l) hidden.push_back(parameters.layers[l].outputs);
  Workers workers(threads);
  Network network(layout, hidden, data.heads, *model::AvailableKernelSets().front(), workers);
  network.Use(parameters);
  std::vector<float> logits(rows.size() * data.heads);
  network.Logits(data, rows, logits.data());
  return logits;
}

}  // namespace adscore::trainer

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

constexpr uint64_t kShuffleKey = 0x5348554646;  // so that the order and the weights are drawn apart
constexpr uint64_t kNoiseKey = 0x4E4F495345;
constexpr uint64_t kLossWindow = 100;  // batches that the training loss is averaged over
constexpr double kAstray = 2;  // times the loss of saying the base rate: nothing that was learnt is so bad

std::vector<double> BaseRates(const EncodedData& data, std::span<const uint32_t> rows) {
  std::vector<double> rates(data.heads());
  for (size_t head = 0; head < rates.size(); ++head) {
    double positives = 0;
    for (const uint32_t row : rows) positives += data.labels()[head][row];
    // Half a row of either kind keeps the log-odds finite.
    rates[head] = (positives + 0.5) / (static_cast<double>(rows.size()) + 1);
  }
  return rates;
}

// Adds the losses of `rows` to `loss`, one after the other.
void AddLosses(const EncodedRows& data, std::span<const uint32_t> rows, std::span<const float> logits,
               double* loss) {
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t head = 0; head < data.heads; ++head) {
      const double z = logits[i * data.heads + head];
      *loss += std::log1p(std::exp(-std::abs(z))) + std::max(z, 0.0);
      if (data.labels[rows[i] * data.heads + head] != 0) *loss -= z;
    }
  }
}

absl::Status WentAstray(double epochs_done, const TrainingOptions& options) {
  return absl::InvalidArgumentError(
      absl::StrFormat("training went astray after %.2f epochs and nothing was published: the loss is huge, "
                      "or no number any more; "
                      "lower --learning-rate (it is %g), or look for huge numbers in the data",
                      epochs_done, options.learning_rate));
}

// The state of one training: the network, its optimiser, and how far it is.
class Training {
 public:
  Training(const EncodedData& data, const InputLayout& layout, std::span<const uint32_t> rows, double epochs,
           const TrainingOptions& options)
      : data_(data),
        options_(options),
        windows_(data, rows, options.batch_size, options.seed),
        batches_((rows.size() + options.batch_size - 1) / options.batch_size),
        workers_(options.threads),
        network_(layout, options.hidden, data.heads(),
                 *model::AvailableKernelSets(model::Precision::kF32).front(), workers_),
        optimizer_(layout, InitialParameters(layout, options.hidden, BaseRates(data, rows), options.seed),
                   options.optimizer, workers_) {
    progress_.epochs = epochs;
  }

  uint64_t batches() const { return batches_; }  // steps of an epoch
  uint64_t steps() const { return steps_; }
  const TrainingProgress& progress() const { return progress_; }
  Parameters Average() const { return optimizer_.Average(); }

  // One batch forward and back, and a step of the optimiser.
  absl::Status Step() {
    const Clock::time_point begin = Clock::now();
    if (next_ == order_.size()) {
      if (const absl::Status status = NextWindow(); !status.ok()) return status;
    }
    const std::span<const uint32_t> rows = std::span<const uint32_t>(order_).subspan(
        next_, std::min(options_.batch_size, order_.size() - next_));
    next_ += rows.size();
    network_.Use(optimizer_.parameters());
    const double loss =
        network_.Backpropagate(*encoded_, rows, Noise(options_.noise, options_.seed ^ kNoiseKey, steps_));
    const double decay = std::pow(options_.learning_rate_decay, progress_.epochs_done);
    optimizer_.Step(network_.gradients(), static_cast<float>(options_.learning_rate * decay));
    ++steps_;
    seconds_ += std::chrono::duration<double>(Clock::now() - begin).count();

    progress_.epochs_done = static_cast<double>(steps_) / static_cast<double>(batches_);
    progress_.rows += rows.size();
    progress_.rows_per_second = static_cast<double>(progress_.rows) / seconds_;
    progress_.training_loss +=
        (loss - progress_.training_loss) / static_cast<double>(std::min(steps_, kLossWindow));
    return std::isfinite(loss) ? absl::OkStatus() : WentAstray(progress_.epochs_done, options_);
  }

  // The loss of `parameters` over rows that are not trained on.
  absl::StatusOr<double> LossOf(const Parameters& parameters, std::span<const uint32_t> rows) {
    network_.Use(parameters);
    double loss = 0;
    const absl::Status status =
        data_.ForEachWindow(rows, [&](const EncodedRows& encoded, std::span<const uint32_t> ids) {
          logits_.resize(ids.size() * encoded.heads);
          network_.Logits(encoded, ids, logits_.data());
          AddLosses(encoded, ids, logits_, &loss);
        });
    if (!status.ok()) return status;
    progress_.tuning_loss = loss / static_cast<double>(rows.size());
    return progress_.tuning_loss;
  }

 private:
  // The next window's rows, shuffled. If it is the last one's rows again, they are shuffled further.
  absl::Status NextWindow() {
    const absl::StatusOr<const WindowReader::Window*> window = windows_.Next();
    if (!window.ok()) return window.status();
    encoded_ = (*window)->encoded;
    if (!windows_.single() || order_.empty()) order_ = (*window)->ids;
    Random(options_.seed ^ kShuffleKey, windows_seen_++).Shuffle(&order_);
    next_ = 0;
    return absl::OkStatus();
  }

  const EncodedData& data_;
  const TrainingOptions& options_;
  WindowReader windows_;
  const EncodedRows* encoded_ = nullptr;  // the window
  std::vector<uint32_t> order_;           // its rows, as they are trained on
  size_t next_ = 0;                       // in order_
  uint64_t windows_seen_ = 0;
  const uint64_t batches_;
  Workers workers_;
  Network network_;
  Optimizer optimizer_;
  std::vector<float> logits_;
  TrainingProgress progress_;
  uint64_t steps_ = 0;
  double seconds_ = 0;
};

}  // namespace

absl::StatusOr<TrainingResult> Train(const EncodedData& data, const InputLayout& layout,
                                     std::span<const uint32_t> rows, std::span<const uint32_t> tuning,
                                     const TrainingOptions& options, const TrainingReport& report) {
  Training training(data, layout, rows, static_cast<double>(options.epochs), options);
  const absl::StatusOr<double> first_loss = training.LossOf(training.Average(), tuning);
  if (!first_loss.ok()) return first_loss.status();
  const double worst_loss = kAstray * *first_loss;
  TrainingResult best;
  best.tuning_loss = HUGE_VAL;
  size_t looks = 0;
  size_t looks_since_best = 0;
  std::vector<LossLook> history;
  while (training.steps() < training.batches() * options.epochs && looks_since_best < options.patience) {
    if (const absl::Status status = training.Step(); !status.ok()) return status;
    report(training.progress());
    if (training.steps() * options.looks_per_epoch < training.batches() * (looks + 1)) continue;
    ++looks;
    Parameters average = training.Average();
    const absl::StatusOr<double> loss = training.LossOf(average, tuning);
    if (!loss.ok()) return loss.status();
    if (!std::isfinite(*loss)) return WentAstray(training.progress().epochs_done, options);
    history.push_back({training.progress().epochs_done, training.progress().training_loss, *loss});
    if (*loss < best.tuning_loss) {
      best = {std::move(average), *loss, training.progress().epochs_done, 0, 0};
      looks_since_best = 0;
    } else {
      ++looks_since_best;
    }
  }
  if (!(best.tuning_loss < worst_loss)) return WentAstray(training.progress().epochs_done, options);
  best.epochs = training.progress().epochs_done;
  best.rows_per_second = training.progress().rows_per_second;
  best.history = std::move(history);
  return best;
}

absl::StatusOr<Parameters> TrainFor(double epochs, const EncodedData& data, const InputLayout& layout,
                                    std::span<const uint32_t> rows, const TrainingOptions& options,
                                    const TrainingReport& report) {
  Training training(data, layout, rows, epochs, options);
  while (static_cast<double>(training.steps()) < epochs * static_cast<double>(training.batches())) {
    if (const absl::Status status = training.Step(); !status.ok()) return status;
    report(training.progress());
  }
  return training.Average();
}

absl::StatusOr<std::vector<float>> ScoreLogits(const EncodedData& data, const InputLayout& layout,
                                               std::span<const uint32_t> rows, const Parameters& parameters,
                                               size_t threads) {
  std::vector<size_t> hidden;
  for (size_t l = 0; l + 1 < parameters.layers.size(); ++l) hidden.push_back(parameters.layers[l].outputs);
  Workers workers(threads);
  Network network(layout, hidden, data.heads(), *model::AvailableKernelSets(model::Precision::kF32).front(),
                  workers);
  network.Use(parameters);
  std::vector<float> logits(rows.size() * data.heads());
  float* next = logits.data();
  const absl::Status status =
      data.ForEachWindow(rows, [&](const EncodedRows& encoded, std::span<const uint32_t> ids) {
        network.Logits(encoded, ids, next);
        next += ids.size() * data.heads();
      });
  if (!status.ok()) return status;
  return logits;
}

}  // namespace adscore::trainer

#include "trainer/training_loop.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "model/kernels/kernel_set.h"
#include "trainer/divergence.h"
#include "trainer/random.h"
#include "trainer/workers.h"

namespace adscore::trainer {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kShuffleKey = 0x5348554646;  // so that the order and the weights are drawn apart
constexpr uint64_t kNoiseKey = 0x4E4F495345;
constexpr double kWarmUpSteps = 50;
constexpr uint64_t kLossWindow = 100;  // batches that the training loss is averaged over
// Rows that means and variances are taken from for batch normalisation, once there is no batch: known to
// about 1% of a deviation by so many.
constexpr size_t kStatisticsRows = 8192;
constexpr double kAstray = 2;  // times the loss of saying the base rate: nothing that was learnt is so bad

// Of a head that follows another: among the rows where that one is positive.
std::vector<double> BaseRates(const EncodedData& data, std::span<const uint32_t> rows, const Chains& chains) {
  std::vector<double> rates(data.heads());
  for (size_t head = 0; head < rates.size(); ++head) {
    const std::vector<uint8_t>& labels = data.labels()[head];
    const std::vector<uint8_t>* before = nullptr;
    if (!chains.empty() && chains[head]) before = &data.labels()[*chains[head]];
    double positives = 0;
    double all = 0;
    for (const uint32_t row : rows) {
      if (labels[row] == kUnknownLabel || (before != nullptr && (*before)[row] != 1)) continue;
      positives += data.Weight(row) * labels[row];
      all += data.Weight(row);
    }
    // Half a row of either kind keeps the log-odds finite.
    rates[head] = (positives + 0.5) / (all + 1);
  }
  return rates;
}

// The mean weight of those rows.
double MeanWeight(const EncodedRows& data, std::span<const uint32_t> rows) {
  if (data.weights.empty()) return 1;
  double sum = 0;
  for (const uint32_t row : rows) sum += data.weights[row];
  return sum / static_cast<double>(rows.size());
}

// Each row that is trained on counts for so much that all together count for as many rows as there are of
// them; a negative one for more than others, since it stands for those that are not.
LossWeights WeightsFor(const TrainingOptions& options, size_t rows, size_t trained_on) {
  LossWeights weights;
  weights.positives = options.positive_weights;
  weights.chains = options.chains;
  if (options.negative_rate < 1) {
    weights.row = static_cast<float>(static_cast<double>(trained_on) / static_cast<double>(rows));
    weights.negative_row = static_cast<float>(weights.row / options.negative_rate);
  }
  return weights;
}

// Adds the losses of `rows` to `loss`, one after the other.
void AddLosses(const EncodedRows& data, std::span<const uint32_t> rows, std::span<const float> logits,
               const Chains& chains, double* loss) {
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::span<const float> of_row = logits.subspan(i * data.heads, data.heads);
    std::optional<Products> products;
    if (!chains.empty()) products.emplace(chains, of_row);
    for (size_t head = 0; head < data.heads; ++head) {
      const uint8_t label = data.labels[rows[i] * data.heads + head];
      if (label == kUnknownLabel) continue;
      const double z = products ? products->LogOdds(head) : of_row[head];
      *loss += std::log1p(std::exp(-std::abs(z))) + std::max(z, 0.0);
      if (label != 0) *loss -= z;
    }
  }
}

constexpr size_t kMostSetbacks = 3;
constexpr float kSetbackRate = 0.1F;  // what the learning rate is multiplied by

absl::Status WentAstray(const std::string& setback, float learning_rate) {
  return absl::InvalidArgumentError(absl::StrFormat(
      "training went astray and nothing was published: %s; lower --learning-rate (it was %g in the end), "
      "or look for huge numbers in the data",
      setback, learning_rate));
}

bool Stopped(const TrainingOptions& options) { return options.stop != nullptr && *options.stop; }

absl::Status Interrupted() {
  return absl::CancelledError("interrupted before there was a state worth keeping: nothing was published");
}

// The state of one training: the network, its optimiser, and how far it is.
class Training {
 public:
  Training(const EncodedData& data, const InputLayout& layout, std::span<const uint32_t> rows, double epochs,
           const TrainingOptions& options)
      : data_(data),
        options_(options),
        kept_(options.negative_rate < 1
                  ? KeepNegatives(data.labels(), rows, options.negative_rate, options.seed)
                  : std::vector<uint32_t>()),
        trained_on_(options.negative_rate < 1 ? kept_ : rows),
        windows_(data, trained_on_, options.batch_size, options.seed),
        batches_((trained_on_.size() + options.batch_size - 1) / options.batch_size),
        workers_(options.threads),
        network_(layout, options.hidden, data.heads(),
                 *model::AvailableKernelSets(model::Precision::kF32).front(), workers_,
                 WeightsFor(options, rows.size(), trained_on_.size()), options.batch_norm,
                 options.exact ? nullptr : FindHalfKernels()),
        layout_(layout),
        initial_rates_(BaseRates(data, rows, options.chains)),
        learning_rate_(options.learning_rate) {
    progress_.epochs = epochs;
    optimizer_.emplace(layout, Initial(), options.optimizer, workers_);
  }

  uint64_t batches() const { return batches_; }  // steps of an epoch
  uint64_t steps() const { return steps_; }
  const TrainingProgress& progress() const { return progress_; }
  float learning_rate() const { return learning_rate_; }
  // The state so far, to go on from.
  Parameters Average() const { return optimizer_->Average(); }
  // A state to look at and to publish. Averages of the batches' means and variances would be those of other
  // weights: the averaged weights get their own, each time anew, from training rows without noise.
  absl::StatusOr<Parameters> Published(Parameters state) {
    if (!options_.batch_norm) return state;
    if (statistics_rows_.rows == 0) {
      std::vector<uint32_t> rows;
      const size_t step = (trained_on_.size() + kStatisticsRows - 1) / kStatisticsRows;
      for (size_t i = 0; i < trained_on_.size(); i += step) rows.push_back(trained_on_[i]);
      absl::StatusOr<EncodedRows> copy = data_.Copy(rows);
      if (!copy.ok()) return copy.status();
      statistics_rows_ = *std::move(copy);
    }
    return network_.Fold(state, statistics_rows_);
  }
  Parameters Initial() const {
    if (options_.start != nullptr) return *options_.start;
    return InitialParameters(layout_, options_.hidden, initial_rates_, options_.seed);
  }

  // On from another state, with a learning rate that is so many times what it was.
  void GoOnFrom(Parameters state, float rate) {
    learning_rate_ *= rate;
    optimizer_.emplace(layout_, std::move(state), options_.optimizer, workers_);
    progress_.training_loss = 0;
    batches_in_loss_ = 0;
  }

  // One batch forward and back, and a step of the optimiser. OutOfRange, saying why, if the batch's loss is
  // no number: then no step was made.
  absl::Status Step() {
    const Clock::time_point begin = Clock::now();
    if (next_ == order_.size()) {
      if (const absl::Status status = NextWindow(); !status.ok()) return status;
    }
    const std::span<const uint32_t> rows = std::span<const uint32_t>(order_).subspan(
        next_, std::min(options_.batch_size, order_.size() - next_));
    next_ += rows.size();
    network_.Use(optimizer_->parameters());
    const double loss =
        network_.Backpropagate(*encoded_, rows, Noise(options_.noise, options_.seed ^ kNoiseKey, steps_));
    if (!std::isfinite(loss)) {
      return absl::OutOfRangeError(absl::StrFormat(
          "the loss of batch %d (epoch %.2f) is no number: %s", steps_ + 1, progress_.epochs_done,
          DescribeDivergence(*encoded_, rows, layout_, data_.schema(), optimizer_->parameters())));
    }
    double decay = std::pow(options_.learning_rate_decay, progress_.epochs_done);
    // The moments of the gradients are not known yet, and the weights are too good to be thrown about.
    if (options_.start != nullptr) decay *= std::min(1.0, static_cast<double>(steps_ + 1) / kWarmUpSteps);
    optimizer_->Step(network_.gradients(), static_cast<float>(learning_rate_ * decay));
    ++steps_;
    seconds_ += std::chrono::duration<double>(Clock::now() - begin).count();

    progress_.epochs_done = static_cast<double>(steps_) / static_cast<double>(batches_);
    progress_.rows += rows.size();
    progress_.rows_per_second = static_cast<double>(progress_.rows) / seconds_;
    progress_.training_loss += (loss / MeanWeight(*encoded_, rows) - progress_.training_loss) /
                               static_cast<double>(std::min(++batches_in_loss_, kLossWindow));
    return absl::OkStatus();
  }

  // What is to be said of a loss of the tuning rows that is huge, or no number.
  std::string DescribeLoss(double loss) const {
    return absl::StrFormat(
        "after %.2f epochs the loss of the tuning rows is %.3g: %s", progress_.epochs_done, loss,
        DescribeDivergence(*encoded_, order_, layout_, data_.schema(), optimizer_->parameters()));
  }

  // The loss of `parameters` over rows that are not trained on.
  absl::StatusOr<double> LossOf(const Parameters& parameters, std::span<const uint32_t> rows) {
    network_.UseForScoring(parameters);
    double loss = 0;
    const absl::Status status =
        data_.ForEachWindow(rows, [&](const EncodedRows& encoded, std::span<const uint32_t> ids) {
          logits_.resize(ids.size() * encoded.heads);
          network_.Logits(encoded, ids, logits_.data());
          AddLosses(encoded, ids, logits_, options_.chains, &loss);
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
  const std::vector<uint32_t> kept_;  // if some are not
  const std::span<const uint32_t> trained_on_;
  WindowReader windows_;
  const EncodedRows* encoded_ = nullptr;  // the window
  std::vector<uint32_t> order_;           // its rows, as they are trained on
  size_t next_ = 0;                       // in order_
  uint64_t windows_seen_ = 0;
  const uint64_t batches_;
  Workers workers_;
  Network network_;
  const InputLayout& layout_;
  const std::vector<double> initial_rates_;
  float learning_rate_;
  std::optional<Optimizer> optimizer_;
  uint64_t batches_in_loss_ = 0;  // that progress_.training_loss is the mean of
  EncodedRows statistics_rows_;   // once they are needed
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
  const absl::StatusOr<Parameters> first = training.Published(training.Average());
  if (!first.ok()) return first.status();
  const absl::StatusOr<double> first_loss = training.LossOf(*first, tuning);
  if (!first_loss.ok()) return first_loss.status();
  const double worst_loss = kAstray * *first_loss;
  TrainingResult best;
  best.tuning_loss = HUGE_VAL;
  if (options.start != nullptr) {  // which may be better than all that comes
    best.parameters = *options.start;
    best.tuning_loss = *first_loss;
  }
  Parameters best_average;  // of batch normalisation: what best.parameters was made of
  size_t looks = 0;
  size_t looks_since_best = 0;
  // Whether there are more: a state that has been found, or the initial one, with a lower learning rate.
  const auto set_back = [&](const std::string& why) {
    const bool found = best.tuning_loss < HUGE_VAL;
    std::string line = absl::StrFormat(
        "%s; back to the state %s", why,
        found ? absl::StrFormat("of epoch %.2f", best.best_epochs) : std::string("before the first epoch"));
    const bool last = best.setbacks.size() + 1 == kMostSetbacks;
    if (last) {
      absl::StrAppendFormat(&line, ", for the third time: that is enough");
    } else {
      looks_since_best = 0;
      const Parameters& found_state = options.batch_norm ? best_average : best.parameters;
      training.GoOnFrom(found ? found_state : training.Initial(), kSetbackRate);
      absl::StrAppendFormat(&line, ", and on with learning rate %g", training.learning_rate());
    }
    best.setbacks.push_back(std::move(line));
    return !last;
  };
  while (training.steps() < training.batches() * options.epochs && looks_since_best < options.patience) {
    if (const absl::Status status = training.Step(); absl::IsOutOfRange(status)) {
      if (set_back(std::string(status.message()))) continue;
      break;
    } else if (!status.ok()) {
      return status;
    }
    report(training.progress());
    if (Stopped(options)) {
      best.interrupted = true;
      break;
    }
    if (training.steps() * options.looks_per_epoch < training.batches() * (looks + 1)) continue;
    ++looks;
    Parameters average = training.Average();
    absl::StatusOr<Parameters> published =
        training.Published(options.batch_norm ? average : std::move(average));
    if (!published.ok()) return published.status();
    const absl::StatusOr<double> loss = training.LossOf(*published, tuning);
    if (!loss.ok()) return loss.status();
    if (!(*loss < worst_loss)) {
      if (set_back(training.DescribeLoss(*loss))) continue;
      break;
    }
    best.history.push_back({training.progress().epochs_done, training.progress().training_loss, *loss});
    if (*loss < best.tuning_loss) {
      best.parameters = *std::move(published);
      if (options.batch_norm) best_average = std::move(average);
      best.tuning_loss = *loss;
      best.best_epochs = training.progress().epochs_done;
      looks_since_best = 0;
    } else {
      ++looks_since_best;
    }
  }
  if (best.interrupted && best.best_epochs == 0) return Interrupted();
  if (best.tuning_loss == HUGE_VAL) {
    return WentAstray(best.setbacks.empty() ? "the loss is huge" : best.setbacks.back(),
                      training.learning_rate());
  }
  best.epochs = training.progress().epochs_done;
  best.rows_per_second = training.progress().rows_per_second;
  best.learning_rate = training.learning_rate();
  return best;
}

absl::StatusOr<Parameters> TrainFor(double epochs, const EncodedData& data, const InputLayout& layout,
                                    std::span<const uint32_t> rows, const TrainingOptions& options,
                                    const TrainingReport& report) {
  TrainingOptions attempt = options;
  std::string setback;
  for (size_t setbacks = 0; setbacks < kMostSetbacks; ++setbacks) {
    Training training(data, layout, rows, epochs, attempt);
    absl::Status status;
    while (status.ok() &&
           static_cast<double>(training.steps()) < epochs * static_cast<double>(training.batches())) {
      status = training.Step();
      if (status.ok()) report(training.progress());
      if (status.ok() && Stopped(options)) return Interrupted();
    }
    if (status.ok()) return training.Published(training.Average());
    if (!absl::IsOutOfRange(status)) return status;
    setback = std::string(status.message());
    attempt.learning_rate *= kSetbackRate;
  }
  return WentAstray(setback, attempt.learning_rate);
}

absl::StatusOr<std::vector<float>> ScoreLogits(const EncodedData& data, const InputLayout& layout,
                                               std::span<const uint32_t> rows, const Parameters& parameters,
                                               size_t threads) {
  std::vector<size_t> hidden;
  for (size_t l = 0; l + 1 < parameters.layers.size(); ++l) hidden.push_back(parameters.layers[l].outputs);
  Workers workers(threads);
  Network network(layout, hidden, data.heads(), *model::AvailableKernelSets(model::Precision::kF32).front(),
                  workers);
  network.UseForScoring(parameters);
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

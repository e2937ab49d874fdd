// The loop: epochs of mini-batches, a look at the tuning rows now and then, and the best state seen.
//
// Not thread-safe. Deterministic: the same rows, options and seed give the same bits, for any number of
// threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/encoded_data.h"
#include "trainer/network.h"
#include "trainer/optimizer.h"
#include "trainer/parameters.h"

namespace adscore::trainer {

struct TrainingOptions {
  std::vector<size_t> hidden = {128, 64};
  // Batch normalisation (batch_norm.h). What is looked at and returned has it folded into the layers. Not
  // with `start`.
  bool batch_norm = false;
  // A linear part (linear_part.h), from the layout. Not with `start` either: layers that went on from it
  // would have its units among their own.
  bool linear = false;
  // Multiplies in f32 throughout, where the processor's half precision is faster too (half_product.h).
  bool exact = false;
  size_t epochs = 10;  // at most
  size_t batch_size = 256;
  float learning_rate = 0.002F;
  float learning_rate_decay = 1;  // what the step size is multiplied by over an epoch, bit by bit
  OptimizerOptions optimizer;
  NoiseOptions noise;
  // Negative rows (loss.h) are trained on with this probability, and then count for as many more. Rows that
  // are not trained on are all looked at.
  double negative_rate = 1;
  std::vector<float> positive_weights = {};  // LossWeights::positives
  Chains chains = {};                        // LossWeights::chains
  size_t looks_per_epoch = 4;                // at the tuning rows
  size_t patience = 6;                       // looks without a better one before it stops
  uint64_t seed = 1;
  size_t threads = 1;
  // Where it begins, with a step size that grows over the first steps. Null: at random.
  std::shared_ptr<const Parameters> start = nullptr;
  // Looked at after every batch: once it is true, training ends. Null: never.
  const std::atomic<bool>* stop = nullptr;
};

// How far a training is.
struct TrainingProgress {
  double epochs = 0;       // that it takes: at most, with tuning rows
  double epochs_done = 0;  // 1.5: in the middle of the second
  uint64_t rows = 0;       // trained on so far, each epoch anew
  double rows_per_second = 0;
  double training_loss = 0;  // mean of the last batches
  double tuning_loss = 0;    // at the last look; 0 without tuning rows
};
using TrainingReport = std::function<void(const TrainingProgress&)>;  // called after every batch: be quick

// One look at the tuning rows.
struct LossLook {
  double epochs = 0;  // behind it
  double training_loss = 0;
  double tuning_loss = 0;
};

struct TrainingResult {
  Parameters parameters;       // the best state by the tuning loss
  double tuning_loss = 0;      // of that state: cross-entropy summed over heads, mean over rows, unweighted
  double best_epochs = 0;      // epochs behind that state
  double epochs = 0;           // epochs run
  double rows_per_second = 0;  // of training, without the looks
  float learning_rate = 0;     // in the end: lower than that of the options after a setback
  bool interrupted = false;    // by TrainingOptions::stop
  std::vector<LossLook> history = {};
  std::vector<std::string> setbacks = {};  // a line about each
};

// Trains on `rows`, looks at `tuning` as it goes, stops when that gets no better, and returns the best state.
//
// A loss that explodes is a setback: back to the best state so far, and on with a lower learning rate. After
// the last of three the best state is the result, or InvalidArgument if there is none: the message says how
// far it came, what is to blame and what to lower. Cancelled if it is stopped before there is a state to
// return; and the errors of reading a cache.
absl::StatusOr<TrainingResult> Train(const EncodedData& data, const InputLayout& layout,
                                     std::span<const uint32_t> rows, std::span<const uint32_t> tuning,
                                     const TrainingOptions& options, const TrainingReport& report);

// Trains on `rows` for so many epochs, which may be a fraction, and returns the last state. A setback takes
// it back to the beginning. Errors as Train; Cancelled whenever it is stopped.
absl::StatusOr<Parameters> TrainFor(double epochs, const EncodedData& data, const InputLayout& layout,
                                    std::span<const uint32_t> rows, const TrainingOptions& options,
                                    const TrainingReport& report);

// The logits that `parameters` give to rows of `data`: [rows][heads].
absl::StatusOr<std::vector<float>> ScoreLogits(const EncodedData& data, const InputLayout& layout,
                                               std::span<const uint32_t> rows, const Parameters& parameters,
                                               size_t threads);

}  // namespace adscore::trainer

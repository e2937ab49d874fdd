// Adam or AdaGrad over the tables and layers of a network, with a running average of the weights; what a step
// does to a weight is weight_step.h's.
//
// Embedding rows are touched only when a batch has their id, at a cost that does not grow with the table:
// each row has its own clock, which counts the batches it was in, for Adam's moments and their bias
// correction. A row that is in every batch is treated exactly as a dense weight is.
//
// The average, an exponential one over the last ~1 ÷ (1 - decay) steps, is what is
// evaluated and published: it has less of the noise of single batches. A row's weights stand still between
// the batches that have its id, so that its average is caught up exactly when it is next needed.
//
// Not thread-safe: one owner, which brings the workers. Results do not depend on their number, bit for bit.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/network.h"
#include "trainer/parameters.h"
#include "trainer/weight_step.h"
#include "trainer/workers.h"

namespace adscore::trainer {

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::kAdam;
  float beta1 = 0.9F;
  float beta2 = 0.999F;
  float epsilon = 1e-8F;
  // Share of a weight that is taken off per step, times the learning rate: of the layers' weights, and of an
  // embedding's row per batch that has its id. Biases are left alone.
  float weight_decay = 0;
  float embedding_decay = 0;
  // A batch's gradient is scaled down to this Euclidean length if it is longer; 0: never.
  float clip_norm = 0;
  double average_decay = 0.998;  // per step; 0: no average, the last weights
};

class Optimizer {
 public:
  // `layout` and `workers` outlive the optimiser. Starts at `initial`.
  Optimizer(const InputLayout& layout, Parameters initial, const OptimizerOptions& options, Workers& workers);

  const Parameters& parameters() const { return parameters_; }

  // One step along the gradient. The tables' gradients have the fields' order.
  void Step(const Gradients& gradients, float learning_rate);

  // The running average of the weights after the steps so far; the initial weights if there were none.
  Parameters Average() const;

 private:
  // What Adam's n-th step of a weight is corrected by: its moments start at 0 and are too small at first.
  struct Correction {
    float first;         // 1 ÷ (1 - beta1ⁿ)
    float second;        // 1 ÷ (1 - beta2ⁿ)
    float average_left;  // average_decayⁿ
  };
  // Some weights of a layer, or of the linear part, which comes behind the layers; or a layer's bias.
  struct Piece {
    size_t layer;
    bool bias;
    size_t begin;
    size_t count;

    // Where they begin in parameters, or in what has their shape.
    template <class Values>
    auto* In(Values& values) const {
      auto& of = layer < values.layers.size() ? values.layers[layer] : values.linear;
      return (bias ? of.bias : of.weights).data() + begin;
    }
  };
  Correction CorrectionAt(uint32_t n) const;
  WeightStep StepOf(const Correction& correction, float learning_rate, float scale, float decay) const;
  // What the gradient is multiplied by because of clip_norm.
  float ClipScale(const Gradients& gradients) const;
  void Prefetch(size_t field, uint32_t id) const;
  void UpdateTable(size_t field, const RowGradients& gradient, float learning_rate, float scale);

  const InputLayout& layout_;
  const OptimizerOptions options_;
  Workers& workers_;
  Parameters parameters_;
  Parameters first_;  // moments
  Parameters second_;
  Parameters
      average_;  // sum over steps s of (1 - decay) · decay^(step - s) · weights; without bias correction
  std::vector<Piece> pieces_;                     // all that is no table
  std::vector<std::vector<uint32_t>> clock_;      // [fields][ids]: batches that had the id
  std::vector<std::vector<uint32_t>> last_step_;  // [fields][ids]: the step up to which the row's average is
  std::vector<Correction>
      corrections_;  // [0 … step]: grown by one a step, since a row's clock is never ahead
  uint32_t step_ = 0;
};

}  // namespace adscore::trainer

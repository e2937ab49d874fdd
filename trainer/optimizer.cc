#include "trainer/optimizer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "model/prefetch.h"

namespace adscore::trainer {
namespace {

// Ids ahead of the one whose row is updated: a batch's ids lie anywhere in their table.
constexpr size_t kIdsAhead = 4;
// Weights of a layer that are one piece of work.
constexpr size_t kPieceWeights = 16384;

Parameters ZerosLike(const Parameters& parameters) {
  Parameters zeros = parameters;
  for (std::vector<float>& table : zeros.tables) std::fill(table.begin(), table.end(), 0.0F);
  for (DenseLayer& layer : zeros.layers) {
    std::fill(layer.weights.begin(), layer.weights.end(), 0.0F);
    std::fill(layer.bias.begin(), layer.bias.end(), 0.0F);
  }
  std::fill(zeros.linear.weights.begin(), zeros.linear.weights.end(), 0.0F);
  return zeros;
}

}  // namespace

Optimizer::Optimizer(const InputLayout& layout, Parameters initial, const OptimizerOptions& options,
                     Workers& workers)
    : layout_(layout),
      options_(options),
      workers_(workers),
      parameters_(std::move(initial)),
      first_(ZerosLike(parameters_)),
      second_(first_),
      average_(first_) {
  for (const InputField& field : layout.fields) {
    clock_.emplace_back(field.ids);
    last_step_.emplace_back(field.ids);
  }
  corrections_.push_back({0, 0, 1});  // step 0: only average_left means something there
  for (size_t l = 0; l <= parameters_.layers.size(); ++l) {
    const DenseLayer& layer = l < parameters_.layers.size() ? parameters_.layers[l] : parameters_.linear;
    for (size_t begin = 0; begin < layer.weights.size(); begin += kPieceWeights) {
      pieces_.push_back({l, /*bias=*/false, begin, std::min(kPieceWeights, layer.weights.size() - begin)});
    }
    if (!layer.bias.empty()) pieces_.push_back({l, /*bias=*/true, 0, layer.bias.size()});
  }
}

Optimizer::Correction Optimizer::CorrectionAt(uint32_t n) const {
  const double first = 1 - std::pow(static_cast<double>(options_.beta1), n);
  const double second = 1 - std::pow(static_cast<double>(options_.beta2), n);
  return {static_cast<float>(1 / first), static_cast<float>(1 / second),
          static_cast<float>(std::pow(options_.average_decay, n))};
}

float Optimizer::ClipScale(const Gradients& gradients) const {
  if (options_.clip_norm == 0) return 1;
  double squares = 0;
  const auto add = [&squares](std::span<const float> values) {
    for (const float value : values) squares += static_cast<double>(value) * value;
  };
  for (const DenseLayer& layer : gradients.layers) {
    add(layer.weights);
    add(layer.bias);
  }
  add(gradients.linear.weights);
  for (size_t f = 0; f < gradients.tables.size(); ++f) {
    const RowGradients& table = gradients.tables[f];
    for (size_t slot = 0; slot < table.ids().size(); ++slot)
      add({table.Row(slot), layout_.fields[f].RowFloats()});
  }
  const double norm = std::sqrt(squares);
  return norm > options_.clip_norm ? static_cast<float>(options_.clip_norm / norm) : 1.0F;
}

WeightStep Optimizer::StepOf(const Correction& correction, float learning_rate, float scale,
                             float decay) const {
  const bool is_adam = options_.kind == OptimizerKind::kAdam;
  return {.kind = options_.kind,
          .gradient_scale = scale,
          .rate = is_adam ? learning_rate * correction.first : learning_rate,
          .keep = 1 - learning_rate * decay,
          .first_rate = 1 - options_.beta1,
          .second_rate = 1 - options_.beta2,
          .second_correction = correction.second,
          .epsilon = options_.epsilon,
          .average_rate = static_cast<float>(1 - options_.average_decay)};
}

void Optimizer::Step(const Gradients& gradients, float learning_rate) {
  corrections_.push_back(CorrectionAt(++step_));
  const float scale = ClipScale(gradients);
  const WeightStep weight_step = StepOf(corrections_.back(), learning_rate, scale, options_.weight_decay);
  const WeightStep bias_step = StepOf(corrections_.back(), learning_rate, scale, 0);
  workers_.RunEach(pieces_.size() + layout_.fields.size(), [&](size_t /*worker*/, size_t item) {
    if (item >= pieces_.size()) {
      const size_t field = item - pieces_.size();
      return UpdateTable(field, gradients.tables[field], learning_rate, scale);
    }
    const Piece& piece = pieces_[item];
    StepWeights(piece.bias ? bias_step : weight_step, piece.In(gradients), piece.count,
                {piece.In(parameters_), piece.In(first_), piece.In(second_), piece.In(average_)});
  });
}

void Optimizer::Prefetch(size_t field, uint32_t id) const {
  const size_t dim = layout_.fields[field].RowFloats();
  for (const Parameters* values : {&parameters_, &first_, &second_, &average_}) {
    const float* row = values->tables[field].data() + id * dim;
    model::PrefetchLines(row, dim * sizeof(float));
  }
  model::PrefetchLine(&clock_[field][id]);
  model::PrefetchLine(&last_step_[field][id]);
}

void Optimizer::UpdateTable(size_t field, const RowGradients& gradient, float learning_rate, float scale) {
  const size_t dim = layout_.fields[field].RowFloats();
  for (size_t slot = 0; slot < gradient.ids().size(); ++slot) {
    const uint32_t id = gradient.ids()[slot];
    if (slot + kIdsAhead < gradient.ids().size()) Prefetch(field, gradient.ids()[slot + kIdsAhead]);
    WeightStep step =
        StepOf(corrections_[++clock_[field][id]], learning_rate, scale, options_.embedding_decay);
    // The steps since the row was last touched, during which its weights stood still.
    step.idle_decay = corrections_[step_ - 1 - last_step_[field][id]].average_left;
    last_step_[field][id] = step_;
    const size_t begin = id * dim;
    StepWeights(step, gradient.Row(slot), dim,
                {parameters_.tables[field].data() + begin, first_.tables[field].data() + begin,
                 second_.tables[field].data() + begin, average_.tables[field].data() + begin});
  }
}

Parameters Optimizer::Average() const {
  if (step_ == 0 || options_.average_decay == 0) return parameters_;
  const double total = 1 - std::pow(options_.average_decay, step_);
  const auto correction = static_cast<float>(1 / total);
  Parameters result = average_;
  for (DenseLayer& layer : result.layers) {
    for (float& weight : layer.weights) weight *= correction;
    for (float& bias : layer.bias) bias *= correction;
  }
  for (float& weight : result.linear.weights) weight *= correction;
  for (size_t f = 0; f < result.tables.size(); ++f) {
    const size_t dim = layout_.fields[f].RowFloats();
    for (size_t id = 0; id < layout_.fields[f].ids; ++id) {
      const uint32_t idle = step_ - last_step_[f][id];
      const float decay = corrections_[idle].average_left;
      for (size_t i = id * dim; i < (id + 1) * dim; ++i) {
        const float weight = parameters_.tables[f][i];
        result.tables[f][i] = (weight + decay * (result.tables[f][i] - weight)) * correction;
      }
    }
  }
  return result;
}

}  // namespace adscore::trainer

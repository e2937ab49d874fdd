#include "trainer/optimizer.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace adscore::trainer {
namespace {

Parameters ZerosLike(const Parameters& parameters) {
  Parameters zeros = parameters;
  for (std::vector<float>& table : zeros.tables) std::fill(table.begin(), table.end(), 0.0F);
  for (DenseLayer& layer : zeros.layers) {
    std::fill(layer.weights.begin(), layer.weights.end(), 0.0F);
    std::fill(layer.bias.begin(), layer.bias.end(), 0.0F);
  }
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
}

Optimizer::Correction Optimizer::CorrectionAt(uint32_t n) const {
  const double first = 1 - std::pow(static_cast<double>(options_.beta1), n);
  const double second = 1 - std::pow(static_cast<double>(options_.beta2), n);
  return {static_cast<float>(1 / first), static_cast<float>(1 / second),
          static_cast<float>(std::pow(options_.average_decay, n))};
}

void Optimizer::Step(const Gradients& gradients, float learning_rate) {
  corrections_.push_back(CorrectionAt(++step_));
  const Correction& dense = corrections_.back();
  const float dense_rate = learning_rate * dense.first;
  const auto average_rate = static_cast<float>(1 - options_.average_decay);
  const auto update = [&](std::vector<float>& weights, const std::vector<float>& gradient,
                          std::vector<float>& first_moment, std::vector<float>& second_moment,
                          std::vector<float>& average, size_t worker) {
    const auto [first, last] = workers_.Share(worker, weights.size());
    for (size_t i = first; i < last; ++i) {
      const float g = gradient[i];
      first_moment[i] += (1 - options_.beta1) * (g - first_moment[i]);
      second_moment[i] += (1 - options_.beta2) * (g * g - second_moment[i]);
      weights[i] -=
          dense_rate * first_moment[i] / (std::sqrt(second_moment[i] * dense.second) + options_.epsilon);
      average[i] += average_rate * (weights[i] - average[i]);
    }
  };
  workers_.Run([&](size_t worker) {
    for (size_t l = 0; l < parameters_.layers.size(); ++l) {
      DenseLayer& layer = parameters_.layers[l];
      update(layer.weights, gradients.layers[l].weights, first_.layers[l].weights, second_.layers[l].weights,
             average_.layers[l].weights, worker);
      update(layer.bias, gradients.layers[l].bias, first_.layers[l].bias, second_.layers[l].bias,
             average_.layers[l].bias, worker);
    }
    const auto [first, last] = workers_.Share(worker, layout_.fields.size());
    for (size_t f = first; f < last; ++f) UpdateTable(f, gradients.tables[f], learning_rate);
  });
}

void Optimizer::UpdateTable(size_t field, const RowGradients& gradient, float learning_rate) {
  const size_t dim = layout_.fields[field].dim;
  const auto average_rate = static_cast<float>(1 - options_.average_decay);
  for (size_t slot = 0; slot < gradient.ids().size(); ++slot) {
    const uint32_t id = gradient.ids()[slot];
    const Correction& correction = corrections_[++clock_[field][id]];
    const float rate = learning_rate * correction.first;
    // The steps since the row was last touched, during which its weights stood still.
    const uint32_t idle = step_ - 1 - last_step_[field][id];
    const float idle_decay = corrections_[idle].average_left;
    last_step_[field][id] = step_;
    float* weights = parameters_.tables[field].data() + id * dim;
    float* first_moment = first_.tables[field].data() + id * dim;
    float* second_moment = second_.tables[field].data() + id * dim;
    float* average = average_.tables[field].data() + id * dim;
    const float* g = gradient.Row(slot);
    for (size_t i = 0; i < dim; ++i) {
      average[i] = weights[i] + idle_decay * (average[i] - weights[i]);
      first_moment[i] += (1 - options_.beta1) * (g[i] - first_moment[i]);
      second_moment[i] += (1 - options_.beta2) * (g[i] * g[i] - second_moment[i]);
      weights[i] -= learning_rate * options_.embedding_decay * weights[i];
      weights[i] -=
          rate * first_moment[i] / (std::sqrt(second_moment[i] * correction.second) + options_.epsilon);
      average[i] += average_rate * (weights[i] - average[i]);
    }
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
  for (size_t f = 0; f < result.tables.size(); ++f) {
    const size_t dim = layout_.fields[f].dim;
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

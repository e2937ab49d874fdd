// One step of an optimiser for weights that have the same clock: Adam (D. Kingma, J. Ba, 2015) or AdaGrad
// (J. Duchi et al., 2011), with weight decay apart from the gradient (I. Loshchilov, F. Hutter, 2019) and a
// running average of the weights (B. Polyak, 1992).
//
// Thread-safe: a pure function.
#pragma once

#include <cstddef>

namespace adscore::trainer {

enum class OptimizerKind {
  kAdam,
  kAdaGrad,  // steps that shrink as squared gradients add up; no momentum
};

struct WeightStep {
  OptimizerKind kind = OptimizerKind::kAdam;
  float gradient_scale = 1;
  float rate = 0;               // learning rate; Adam's, times its first moment's correction
  float keep = 1;               // what weight decay leaves of a weight, before the step
  float first_rate = 0.1F;      // Adam: 1 - beta1
  float second_rate = 0.001F;   // Adam: 1 - beta2
  float second_correction = 1;  // Adam: of the second moment
  float epsilon = 1e-8F;
  float average_rate = 0;  // 1 - the average's decay
  // What is left of the difference between average and weights after steps in which they stood still; 1:
  // there were none.
  float idle_decay = 1;
};

// Arrays of the same length: the weights, the moments (`first` is Adam's only), and the weights' average.
struct WeightPlaces {
  float* weights = nullptr;
  float* first = nullptr;
  float* second = nullptr;
  float* average = nullptr;
};

// In SIMD of this machine's best kind; each weight's result is the same, bit for bit, on all kinds, and
// wherever in the arrays it lies.
void StepWeights(const WeightStep& step, const float* gradient, size_t count, const WeightPlaces& at);

}  // namespace adscore::trainer

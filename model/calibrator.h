// The calibrator of a head: the last step from a logit to a probability, fitted on rows that the network was
// not trained on. Platt scaling (J. Platt, 1999): p = 1 / (1 + exp(-(slope · logit + offset))).
//
// Thread-safe: plain values.
#pragma once

#include <cmath>

namespace adscore::model {

struct Calibrator {
  float slope = 1;
  float offset = 0;

  bool operator==(const Calibrator&) const = default;
};

// 1 / (1 + exp(-x)) in double precision: right to float's last bit, also for tiny probabilities.
inline double Sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

inline float Calibrate(const Calibrator& calibrator, float logit) {
  const double z = static_cast<double>(calibrator.slope) * logit + calibrator.offset;
  return static_cast<float>(Sigmoid(z));
}

}  // namespace adscore::model

// The calibrator of a head: the last step from a logit to a probability, fitted on rows that the network was
// not trained on. Platt scaling (J. Platt, 1999), z = slope · logit + offset; where that is not enough, z is
// bent by a monotone piecewise-linear curve, fitted by isotonic regression. Then p = 1 / (1 + exp(-z)).
//
// Thread-safe: plain values.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace adscore::model {

// Knots of a curve, at most: more would follow the noise of the rows that it was fitted to.
inline constexpr size_t kMostKnots = 64;

// A point of the curve; both numbers are log-odds.
struct CalibratorKnot {
  float from = 0;
  float to = 0;

  bool operator==(const CalibratorKnot&) const = default;
};

struct Calibrator {
  float slope = 1;
  float offset = 0;
  // Empty: no curve. Otherwise two or more, both numbers strictly ascending: straight lines between them, and
  // on with slope 1 beyond the first and the last. So no two logits change their order, and none become a
  // tie.
  std::vector<CalibratorKnot> knots{};

  bool operator==(const Calibrator&) const = default;
};

// 1 / (1 + exp(-x)) in double precision: right to float's last bit, also for tiny probabilities.
inline double Sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

// The curve at `z`. NaN stays NaN.
inline double Bend(const std::vector<CalibratorKnot>& knots, double z) {
  if (!(z > knots.front().from)) return knots.front().to + (z - knots.front().from);
  if (z >= knots.back().from) return knots.back().to + (z - knots.back().from);
  const auto above =
      std::upper_bound(knots.begin(), knots.end(), z,
                       [](double value, const CalibratorKnot& knot) { return value < knot.from; });
  const CalibratorKnot& low = above[-1];
  const double share = (z - low.from) / (static_cast<double>(above->from) - low.from);
  return low.to + share * (static_cast<double>(above->to) - low.to);
}

// The log-odds that are calibrated.
inline double LogOdds(const Calibrator& calibrator, double logit) {
  const double z = calibrator.slope * logit + calibrator.offset;
  return calibrator.knots.empty() ? z : Bend(calibrator.knots, z);
}

inline float Calibrate(const Calibrator& calibrator, float logit) {
  return static_cast<float>(Sigmoid(LogOdds(calibrator, logit)));
}

}  // namespace adscore::model

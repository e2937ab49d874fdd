#include "trainer/calibration.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace adscore::trainer {
namespace {

constexpr double kPriorWeight = 1;
constexpr double kLowestSlope =
    0.05;  // below it, the logits say next to nothing and only their mean is mended
constexpr int kMaxSteps = 50;
constexpr double kConverged = 1e-9;

struct Derivatives {
  double slope = 0;
  double offset = 0;
  double slope_slope = 0;
  double slope_offset = 0;
  double offset_offset = 0;
};

Derivatives At(double slope, double offset, std::span<const float> logits, std::span<const uint8_t> labels) {
  Derivatives d;
  d.slope = kPriorWeight * (slope - 1);
  d.offset = kPriorWeight * offset;
  d.slope_slope = d.offset_offset = kPriorWeight;
  for (size_t i = 0; i < logits.size(); ++i) {
    const double z = logits[i];
    const double p = model::Sigmoid(slope * z + offset);
    const double error = p - labels[i];
    const double curvature = p * (1 - p);
    d.slope += error * z;
    d.offset += error;
    d.slope_slope += curvature * z * z;
    d.slope_offset += curvature * z;
    d.offset_offset += curvature;
  }
  return d;
}

double Loss(double slope, double offset, std::span<const float> logits, std::span<const uint8_t> labels) {
  double loss = kPriorWeight * ((slope - 1) * (slope - 1) + offset * offset) / 2;
  for (size_t i = 0; i < logits.size(); ++i) {
    const double z = slope * logits[i] + offset;
    // log(1 + e^z) - y z, without overflow.
    loss += std::log1p(std::exp(-std::abs(z))) + (z > 0 ? z : 0) - (labels[i] != 0 ? z : 0);
  }
  return loss;
}

// Newton's method with step halving; the slope stays where it is if `slope_fixed`.
void Minimise(std::span<const float> logits, std::span<const uint8_t> labels, bool slope_fixed, double* slope,
              double* offset) {
  double loss = Loss(*slope, *offset, logits, labels);
  for (int step = 0; step < kMaxSteps; ++step) {
    const Derivatives d = At(*slope, *offset, logits, labels);
    double slope_step = 0;
    double offset_step = 0;
    if (slope_fixed) {
      offset_step = d.offset / d.offset_offset;
    } else {
      const double determinant = d.slope_slope * d.offset_offset - d.slope_offset * d.slope_offset;
      slope_step = (d.slope * d.offset_offset - d.offset * d.slope_offset) / determinant;
      offset_step = (d.offset * d.slope_slope - d.slope * d.slope_offset) / determinant;
    }
    double scale = 1;
    double next = Loss(*slope - slope_step, *offset - offset_step, logits, labels);
    while (!(next <= loss) && scale > 1e-6) {
      scale /= 2;
      next = Loss(*slope - scale * slope_step, *offset - scale * offset_step, logits, labels);
    }
    if (!(next <= loss)) return;  // as good as rounding allows
    *slope -= scale * slope_step;
    *offset -= scale * offset_step;
    loss = next;
    if (std::abs(slope_step) + std::abs(offset_step) < kConverged) return;
  }
}

}  // namespace

model::Calibrator FitPlatt(std::span<const float> logits, std::span<const uint8_t> labels) {
  double slope = 1;
  double offset = 0;
  Minimise(logits, labels, /*slope_fixed=*/false, &slope, &offset);
  if (slope < kLowestSlope) {
    slope = kLowestSlope;
    offset = 0;
    Minimise(logits, labels, /*slope_fixed=*/true, &slope, &offset);
  }
  return {static_cast<float>(slope), static_cast<float>(offset)};
}

model::Calibrator DrawnTowards(const model::Calibrator& before, model::Calibrator fitted, double share) {
  if (!before.knots.empty() || !fitted.knots.empty()) return fitted;
  fitted.slope = static_cast<float>(std::lerp(before.slope, fitted.slope, share));
  fitted.offset = static_cast<float>(std::lerp(before.offset, fitted.offset, share));
  return fitted;
}

void MoveToSum(std::span<const float> logits, double positives, std::span<const double> others,
               model::Calibrator* calibrator) {
  if (logits.empty()) return;
  double low = -1;
  double high = 1;
  for (int step = 0; step < 30; ++step) {
    const double middle = (low + high) / 2;
    double sum = 0;
    for (size_t i = 0; i < logits.size(); ++i) {
      const double p = model::Sigmoid(model::LogOdds(*calibrator, logits[i]) + middle);
      sum += others.empty() ? p : others[i] * p;
    }
    (sum > positives ? high : low) = middle;
  }
  const double shift = (low + high) / 2;
  std::vector<model::CalibratorKnot>& knots = calibrator->knots;
  if (knots.empty()) calibrator->offset = static_cast<float>(calibrator->offset + shift);
  for (model::CalibratorKnot& knot : knots) knot.to = static_cast<float>(knot.to + shift);
  const auto ties = [](const model::CalibratorKnot& a, const model::CalibratorKnot& b) {
    return !(b.to > a.to);
  };
  knots.erase(std::unique(knots.begin(), knots.end(), ties), knots.end());
  if (knots.size() == 1) knots.clear();
}

}  // namespace adscore::trainer

// Bends a calibrator (model/calibrator.h) where Platt's two numbers are not enough: isotonic regression
// (M. Ayer et al., 1955), of which a piecewise-linear curve is kept.
//
// Thread-safe: pure function.
#pragma once

#include <cstdint>
#include <span>

#include "model/calibrator.h"

namespace adscore::trainer {

// Positives, and negatives, that each knot stands for, at least: its log-odds are then known to some 0.15.
inline constexpr uint64_t kRowsOfAKindPerKnot = 50;

// `platt` with a curve fitted to the same rows. The rows are cut, in the order of their log-odds, into at
// most kMostKnots groups with kRowsOfAKindPerKnot positives and negatives each; groups whose rates do not
// ascend are joined; each that is left is a knot, from the log-odds of its mean probability to those of its
// rate. Then all of them are moved together so that the probabilities' sum is the positives. Without knots
// where fewer than two groups are left.
model::Calibrator BendCalibrator(const model::Calibrator& platt, std::span<const float> logits,
                                 std::span<const uint8_t> labels);

}  // namespace adscore::trainer

// Fits a head's calibrator (model/calibrator.h), by Platt's method, to logits of rows that the network was
// not trained on.
//
// Thread-safe: pure function.
#pragma once

#include <cstdint>
#include <span>

#include "model/calibrator.h"

namespace adscore::trainer {

// Logistic regression of the label on the logit, by Newton's method. A weak prior, worth about one row, pulls
// towards the identity, so that the fit is defined for any rows, also for none, or none that is positive. The
// slope is kept positive: calibration must not turn the order of ads round.
model::Calibrator FitPlatt(std::span<const float> logits, std::span<const uint8_t> labels);

}  // namespace adscore::trainer

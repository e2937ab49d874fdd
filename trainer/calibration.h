// Fits a head's calibrator (model/calibrator.h), by Platt's method, to logits of rows that the network was
// not trained on.
//
// Thread-safe: pure functions.
#pragma once

#include <cstdint>
#include <span>

#include "model/calibrator.h"

namespace adscore::trainer {

// Logistic regression of the label on the logit, by Newton's method. A weak prior, worth about one row, pulls
// towards the identity, so that the fit is defined for any rows, also for none, or none that is positive. The
// slope is kept positive: calibration must not turn the order of ads round.
model::Calibrator FitPlatt(std::span<const float> logits, std::span<const uint8_t> labels);

// `fitted`, which is believed by so large a share, drawn towards the calibrator from before: straight lines
// between the two. A curve is taken as it is: there are never few rows behind one.
model::Calibrator DrawnTowards(const model::Calibrator& before, model::Calibrator fitted, double share);

// Moves all of the calibrator's log-odds together, by at most 1, so that the probabilities' sum comes to
// `positives`, or as near as that. `others`: what each row's probability is multiplied by, where the head
// follows another one; empty: 1 for all. Knots that a float can't tell apart afterwards become one; one alone
// is none.
void MoveToSum(std::span<const float> logits, double positives, std::span<const double> others,
               model::Calibrator* calibrator);

}  // namespace adscore::trainer

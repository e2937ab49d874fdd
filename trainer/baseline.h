// The peer that a network has to beat: logistic regression on the same rows, as one would fit it first. One
// weight per token and per bin of a number, and one for the standardised number itself; no embeddings, no
// hidden layer, no target statistics.
//
// A trainer of its own rather than the network's with nothing hidden: the problem is convex, so that it needs
// no more than per-coordinate steps (FTRL-Proximal, H. B. McMahan et al., 2013), and what goes wrong in the
// network's training can't go wrong here too. It is given what the network is given: the same bins, every
// token that two rows have, and tuning rows that choose its step size and regularisation, say when to stop
// and calibrate it, before it is fitted anew to training and tuning rows together.
//
// Thread-safe: pure function. Deterministic for any number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/dataset.h"
#include "trainer/encoder_fitting.h"
#include "trainer/split.h"

namespace adscore::trainer {

// Its calibrated probabilities for the validation rows, in their order: [rows][heads]. `encoders` are the
// network's.
absl::StatusOr<std::vector<float>> BaselineProbabilities(const Dataset& data, const Split& split,
                                                         const EncoderOptions& encoders, size_t threads);

}  // namespace adscore::trainer

// Takes out of a trained network's probabilities what its last steps left in them by chance.
//
// The mean probability of a network wanders by some percent from step to step, and so from seed to seed. A
// calibrator would take one network's error for the world's, and hand it on to the next, which has another
// one.
//
// Thread-safe: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "trainer/dataset.h"
#include "trainer/encoded_data.h"
#include "trainer/entire_space.h"
#include "trainer/parameters.h"

namespace adscore::trainer {

// Moves the bias of each head's logit, by at most 1, so that the probabilities of the rows that it learnt
// from, `rows` of `data`, sum up to their positives. With more than two million of them, of so many that are
// spread over them. `encoded`: the same rows as the network took them. Errors are those of reading a cache.
absl::Status Recentre(const EncodedData& encoded, const InputLayout& layout, const Dataset& data,
                      std::span<const uint32_t> rows, const Chains& chains, size_t threads,
                      Parameters* parameters);

}  // namespace adscore::trainer

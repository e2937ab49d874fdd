// What a loss that is no number any more comes from, as well as can be told: which feature puts the largest
// values into the network, and which layer has the largest weights.
//
// Thread-safe: pure function over constant data.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "model/schema.h"
#include "trainer/encoded_rows.h"
#include "trainer/parameters.h"

namespace adscore::trainer {

// Half a sentence about a batch: `batch` are rows of `rows`. What is not finite counts as the largest.
std::string DescribeDivergence(const EncodedRows& rows, std::span<const uint32_t> batch,
                               const InputLayout& layout, const model::Schema& schema,
                               const Parameters& parameters);

}  // namespace adscore::trainer

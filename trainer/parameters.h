// What is learnt: embedding tables and dense layers. Also the shape of everything that goes with them one to
// one, the optimiser's moments for one.
//
// Not thread-safe: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "trainer/encoded_rows.h"

namespace adscore::trainer {

struct DenseLayer {
  size_t inputs = 0;
  size_t outputs = 0;
  std::vector<float> weights;  // [inputs][outputs]
  std::vector<float> bias;     // [outputs]
};

struct Parameters {
  std::vector<std::vector<float>> tables;  // [ids][RowFloats()] of each field, in the layout's order
  std::vector<DenseLayer> layers;          // hidden layers, then the output layer with one column per head
  // Of a linear part (linear_part.h): what PlainInputs() add to the heads' logits; no bias. Empty without.
  DenseLayer linear{};
};

// All zero: tables for the fields of `layout`, layers of the widths `hidden`, and an output layer for `heads`
// heads.
Parameters ZeroParameters(const InputLayout& layout, std::span<const size_t> hidden, size_t heads);

// Where training starts. Weights: normal with variance 2 ÷ inputs, right for ReLU (K. He et al., 2015); a
// tenth of that in the output layer, whose bias is each head's log-odds of `base_rates`: the first prediction
// is the base rate. Embeddings: small and normal, but zero for kMissingId and kUnknownId, so that an id
// without a training row contributes nothing. A linear part begins at zero.
Parameters InitialParameters(const InputLayout& layout, std::span<const size_t> hidden,
                             std::span<const double> base_rates, uint64_t seed);

// Numbers in all: what the model's size comes from.
size_t CountParameters(const Parameters& parameters);

}  // namespace adscore::trainer

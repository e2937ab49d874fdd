// The linear part of a network: besides what goes through the layers, each head's logit is the sum of a
// weight for each token and bin that a row has (the mean of a list's) and of the numbers and target
// statistics times weights of theirs (H.-T. Cheng et al., 2016, call it wide).
//
// In training it is computed apart, at the cost of adding up a few floats per row. A snapshot has it as units
// of the layers, so that it needs nothing of its own, in the file and in the kernels: since x = relu(x) -
// relu(-x), two units per head carry the sum and its opposite through every hidden layer, one of which is 0.
// A token's weights are further columns of its embedding.
//
// Thread-safe: a pure function.
#pragma once

#include <vector>

#include "trainer/encoded_rows.h"
#include "trainer/parameters.h"

namespace adscore::trainer {

// The layers of `parameters` with those units, two per head in each hidden layer. The first one's inputs are
// those of the layout, but with layout.linear more behind each embedding. `layout` has a linear part.
std::vector<DenseLayer> WithLinearUnits(const InputLayout& layout, const Parameters& parameters);

}  // namespace adscore::trainer

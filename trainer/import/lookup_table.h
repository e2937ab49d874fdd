// What a model says of a token: an embedding, a one-hot encoding, a number per name.
//
// Thread-safe: a plain value and a pure function.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace adscore::trainer {

struct LookupTable {
  std::vector<std::string> tokens;  // all different
  size_t dim = 0;
  std::vector<float>
      values;  // [tokens][dim]; empty: token i has the i-th unit vector, and dim is their number
  std::vector<float> unknown;  // [dim]: of a token that is not there, and of a missing one

  float At(size_t token, size_t d) const {
    return values.empty() ? (token == d ? 1.0F : 0.0F) : values[token * dim + d];
  }
};

// An embedding that whole numbers are looked up in: the tokens are their digits. What the model's maker
// leaves open, the embedding of an id that is not there, is the mean of all. values: [rows][dim], rows > 0.
LookupTable EmbeddingOfIds(std::span<const float> values, size_t rows, size_t dim);

}  // namespace adscore::trainer

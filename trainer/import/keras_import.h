// From a Keras model's configuration and weights to a dense graph: Sequential and functional models.
//
// Thread-safe: pure function.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/import/array.h"
#include "trainer/import/imported_model.h"

namespace adscore::trainer {

// The layers that are understood, for messages and --help.
inline constexpr char kKerasLayers[] =
    "InputLayer, Dense, Activation, ReLU, LeakyReLU, ELU, Softmax, BatchNormalization, Normalization, "
    "Rescaling, "
    "Embedding, Concatenate, Add, Flatten, Reshape, Dropout and other noise";

// `config` is the model's, as JSON; `weights` are by layer, in Keras's order. With `logits` outputs may be
// numbers, of which the sigmoid is the probability (of two of them the softmax). InvalidArgument naming the
// layer, and what is supported.
absl::StatusOr<ImportedGraph> ImportKeras(const std::string& config,
                                          const std::map<std::string, std::vector<Array>>& weights,
                                          bool logits);

}  // namespace adscore::trainer

// Which version of which model a request means.
//
// Thread-safe: pure function.
#pragma once

#include <cstdint>
#include <string_view>

#include "server/refusal.h"
#include "server/registry.h"

namespace adscore::server {

// What a request says of it; see PredictRequest.
struct Wanted {
  std::string_view model;
  int64_t version = 0;
  std::string_view label{};
  std::string_view key{};
};

struct ModelChoice {
  const ServedModel* served = nullptr;  // within the `models` that were asked
  Refusal refusal = Refusal::kNoModel;  // if served is null
};

// `model` "": the only model that serves; kInvalid if there are several. A version or a label: that very one.
// Neither: the canary for its share of the keys, and the stable version for all other keys and without one.
// kNoModel if nothing serves at all; kNotFound if the model is not among `models`, or not in this version or
// with this label; kInvalid for a label that does not exist, or both a label and a version.
ModelChoice ChooseModel(const ServedModels& models, const Wanted& wanted);

// Whether a key is among the first `share` of all keys of a model, for shares in [0, 1]. Depends on nothing
// else: the same on every server, and a key that is among a smaller share is among a larger one. Each model
// divides the keys in its own way, so that the same users are not always the first ones.
bool IsWithinShare(std::string_view model, std::string_view key, double share);

}  // namespace adscore::server

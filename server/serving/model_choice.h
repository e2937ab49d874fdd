// Which model a request means.
//
// Thread-safe: pure function.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "server/refusal.h"
#include "server/registry.h"

namespace adscore::server {

struct ModelChoice {
  const ServedModel* served = nullptr;  // within the `models` that were asked
  Refusal refusal = Refusal::kNoModel;  // if served is null
};

// `name` "": the only model that serves; kInvalid if there are several. `version` 0: the one that serves;
// otherwise it must be that one. kNoModel if nothing serves at all; kNotFound if `name` is not among
// `models`, or not in this version.
ModelChoice ChooseModel(const ServedModels& models, std::string_view name, int64_t version);

}  // namespace adscore::server

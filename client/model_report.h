// How a model is, for people and for scripts.
//
// Thread-safe: pure functions.
#pragma once

#include <ostream>

#include "adscore/v1/model_service.pb.h"
#include "nlohmann/json.hpp"

namespace adscore::client {

nlohmann::ordered_json StatusToJson(const v1::ModelStatus& status);

void PrintStatus(const v1::ModelStatus& status, std::ostream& out);

}  // namespace adscore::client

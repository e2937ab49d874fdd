// JSON as text that is valid whatever is in it.
//
// Thread-safe: pure function.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace adscore::trainer {

// In one line, or indented by `indent` blanks per level. A file name may hold any bytes and JSON only UTF-8:
// what is not comes out as U+FFFD.
inline std::string JsonText(const nlohmann::ordered_json& json, int indent = -1) {
  return json.dump(indent, ' ', /*ensure_ascii=*/false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace adscore::trainer

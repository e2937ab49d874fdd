// manifest.json: what a person, or a script, reads about a version without opening the snapshot.
//
// Thread-safe: pure function.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "model/snapshot.h"
#include "trainer/fit.h"

namespace adscore::trainer {

// {"kind": "isotonic", "slope": …, "offset": …, "knots": [[from, to], …]}; knots only where there are some.
nlohmann::ordered_json CalibratorToJson(const model::Calibrator& calibrator);

// The training options that make a snapshot what it is, as one line of JSON.
std::string OptionsToJson(const FitOptions& options);

// `provenance` is the published snapshot's. `data_path` is where the rows came from, of which there were
// `rows`. Pretty-printed JSON with a final newline.
std::string ManifestJson(const std::string& name, int64_t version, const model::Provenance& provenance,
                         const std::string& data_path, uint64_t rows, const FitOptions& options,
                         const FittedModel& fitted);

}  // namespace adscore::trainer

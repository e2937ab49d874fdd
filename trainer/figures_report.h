// The figures of all heads, for programs and for people.
//
// Thread-safe: pure functions.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/snapshot.h"
#include "trainer/metrics.h"

namespace adscore::trainer {

// {"click": {"rows": …, "positives": …, "base_rate": …, "auc": …, "log_loss": …, "normalized_entropy": …,
// "calibration": …, "ece": …}, …}; null for a figure that the rows don't define. One entry of `figures` per
// head.
nlohmann::ordered_json FiguresToJson(const std::vector<model::Head>& heads,
                                     const std::vector<HeadFigures>& figures);

// The same as a table of fixed width, one line per head under a line of titles; "-" for what is not defined.
std::string FiguresToTable(const std::vector<model::Head>& heads, const std::vector<HeadFigures>& figures);

}  // namespace adscore::trainer

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

// {"rows": …, "positives": …, "base_rate": …, "auc": …, "pr_auc": …, "log_loss": …, "normalized_entropy": …,
// "calibration": …, "ece": …, "intervals": {"auc": [low, high], …}}; null for a figure that the rows don't
// define, and "intervals" only where they were computed.
nlohmann::ordered_json FiguresToJson(const HeadFigures& figures);

// The same by head: {"click": {…}, …}. One entry of `figures` per head.
nlohmann::ordered_json FiguresToJson(const std::vector<model::Head>& heads,
                                     const std::vector<HeadFigures>& figures);

// A table of fixed width: one line per name under a line of titles, of which `title` is the names'; "-" for
// what is not defined; two more lines where there are intervals.
std::string FiguresToTable(const std::vector<std::string>& names, const std::string& title,
                           const std::vector<HeadFigures>& figures);
std::string FiguresToTable(const std::vector<model::Head>& heads, const std::vector<HeadFigures>& figures);

}  // namespace adscore::trainer

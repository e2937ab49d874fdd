// The charts of a report, each with a caption that says how to read it.
//
// Thread-safe: pure functions.
#pragma once

#include <string>
#include <vector>

#include "trainer/evaluation.h"
#include "trainer/metrics.h"
#include "trainer/training_loop.h"

namespace adscore::trainer::report {

std::string RocPlot(const HeadRows& rows, const HeadFigures& figures);
std::string PrecisionRecallPlot(const HeadRows& rows, const HeadFigures& figures);
std::string ReliabilityPlot(const HeadRows& rows);
std::string ScorePlot(const HeadRows& rows);
std::string LossPlot(const std::vector<LossLook>& history, double best_epochs);

}  // namespace adscore::trainer::report

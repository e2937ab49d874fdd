// The tables of a report.
//
// Thread-safe: pure functions.
#pragma once

#include <string>
#include <vector>

#include "trainer/report/page.h"

namespace adscore::trainer::report {

// One line per name, with the name of each figure explained. `title` is that of the names.
std::string FiguresTable(const std::string& title, const std::vector<std::string>& names,
                         const std::vector<HeadFigures>& figures);

std::string ImportanceTable(const Content& content);
std::string ColumnsTable(const Content& content);
std::string SlicesTables(const Content& content);
std::string ProgressiveTables(const Content& content);
std::string ProvenanceTable(const Content& content);

}  // namespace adscore::trainer::report

// What a label's column holds, for messages that let a person choose.
//
// Thread-safe: pure function over a file.
#pragma once

#include <string>

#include "data/table_reader.h"
#include "trainer/sources.h"

namespace adscore::trainer {

// "'0' (63950 rows), '2' (50 rows)": the most frequent values of a column, as far as the files can be read.
// Reads them again, which only a failure costs.
std::string DescribeLabelValues(const Sources& sources, data::Format format, const std::string& column);

}  // namespace adscore::trainer

// Says in time, and in words that help, that a label can't be learnt.
//
// Thread-safe: pure function over a file and constant data.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "data/table_reader.h"
#include "model/snapshot.h"
#include "trainer/dataset.h"
#include "trainer/sources.h"

namespace adscore::trainer {

// InvalidArgument if a label of `data`, read from `sources`, is positive in no row or in all of them. The
// message shows the values that the column has.
absl::Status CheckLabels(const Dataset& data, const std::vector<model::Label>& labels, const Sources& sources,
                         data::Format format);

}  // namespace adscore::trainer

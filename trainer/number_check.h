// Says which numeric columns hold things that are no numbers: a misspelt decimal point, a column that moved.
//
// Thread-safe: pure functions over constant data.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "trainer/dataset.h"

namespace adscore::trainer {

// One line per numeric feature of which some cells are neither numbers nor missing: how many, and the first.
std::vector<std::string> NumberNotices(const Dataset& data);

// InvalidArgument if a numeric feature has cells and none of them is a number: its kind is wrong. `path` is
// where the data came from.
absl::Status CheckNumbers(const Dataset& data, const std::string& path);

}  // namespace adscore::trainer

// Says which columns hold what a model can't use: numbers with a misspelt decimal point, a column that moved,
// ids that are written as they were not before (5007.0 for 5007).
//
// Thread-safe: pure functions, and one that changes its argument alone.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "model/snapshot.h"
#include "trainer/dataset.h"

namespace adscore::trainer {

// Counts in `block`, whose columns are the snapshot's features, the tokens that their vocabularies don't
// know.
void CountUnknown(const model::Snapshot& snapshot, Dataset* block);

// One line per numeric feature of which some cells are neither numbers nor missing: how many, and the first.
// And one per categorical feature of which nearly all were counted as unknown.
std::vector<std::string> CellNotices(const Dataset& data);

// InvalidArgument if a numeric feature has cells and none of them is a number: its kind is wrong. `path` is
// where the data came from.
absl::Status CheckNumbers(const Dataset& data, const std::string& path);

}  // namespace adscore::trainer

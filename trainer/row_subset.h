// Some rows of a data set as a data set of their own.
//
// Thread-safe: pure functions over constant data.
#pragma once

#include <cstdint>
#include <span>

#include "absl/status/statusor.h"
#include "trainer/dataset.h"

namespace adscore::trainer {

// Copies of the given rows, in the order given.
Dataset SubsetRows(const Dataset& data, std::span<const uint32_t> rows);

// Copies of the first `count` rows; of what is in a cache no copies, but the errors of sharing it.
absl::StatusOr<Dataset> FirstRows(const Dataset& data, size_t count);

// A column's cells in the given rows, in the order given.
Column SubsetColumn(const Column& column, model::FeatureKind kind, std::span<const uint32_t> rows);

}  // namespace adscore::trainer

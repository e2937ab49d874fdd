// Columns of a file by name, and what a label's cell means.
//
// Thread-safe: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "model/snapshot.h"

namespace adscore::trainer {

// The position of column `name`, or nothing.
std::optional<size_t> FindColumn(const std::vector<std::string>& columns, std::string_view name);

// The same, or InvalidArgument: `what` is missing from `path`, and which columns there are. `what` begins the
// message: "label 'click'".
absl::StatusOr<size_t> RequireColumn(const std::string& path, const std::vector<std::string>& columns,
                                     std::string_view name, std::string_view what);

// True if `cell` is a positive of `label`, false if it is a negative, nothing if it is neither. With a named
// positive every other cell is a negative, also an empty one. Blanks around the cell don't count.
std::optional<bool> IsPositive(const model::Label& label, std::string_view cell);

}  // namespace adscore::trainer

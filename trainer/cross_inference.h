// Which features are crossed: those that were asked for, and lists that share their values with a column of
// names, for whether an ad is about what a visitor likes is more than the two say by themselves.
//
// Thread-safe: pure functions.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "trainer/column_profile.h"
#include "trainer/schema_inference.h"

namespace adscore::trainer {

// Adds the crosses that `named` asks for, between features of the schema. InvalidArgument if one of them is
// of something else, or can't be.
absl::Status AddNamedCrosses(std::span<const NamedCross> named, model::Schema* schema);

// Adds a match of each list and each categorical feature that share their values. profiles: one per feature
// of the schema; null for a feature that has none. Adds a line about each to `notices`.
void AddInferredMatches(std::span<const ColumnProfile* const> profiles, model::Schema* schema,
                        std::vector<std::string>* notices);

}  // namespace adscore::trainer

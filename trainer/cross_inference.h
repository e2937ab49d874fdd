// Which features are crossed: those that were asked for; lists that share their values with a column of
// names, for whether an ad is about what a visitor likes is more than the two say by themselves; and columns
// of names that say clearly more together than apart.
//
// Thread-safe: pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "trainer/column_profile.h"
#include "trainer/pair_selection.h"
#include "trainer/schema_inference.h"

namespace adscore::trainer {

// Adds the crosses that `named` asks for, between features of the schema. InvalidArgument if one of them is
// of something else, or can't be.
absl::Status AddNamedCrosses(std::span<const NamedCross> named, model::Schema* schema);

// Adds a match of each list and each categorical feature that share their values. profiles: one per feature
// of the schema; null for a feature that has none. Adds a line about each to `notices`.
void AddInferredMatches(std::span<const ColumnProfile* const> profiles, model::Schema* schema,
                        std::vector<std::string>* notices);

// Adds a product of each two categorical features that say clearly more together than apart
// (pair_selection.h). feature_of: by column of `data`, the feature that it is; none: it is left out. Adds a
// line about each.
void AddInferredProducts(CodedRows data, std::span<const std::optional<size_t>> feature_of,
                         std::span<const model::Label> labels, model::Schema* schema,
                         std::vector<std::string>* notices);

}  // namespace adscore::trainer

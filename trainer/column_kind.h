// What kind of feature a column is, by its name and by what a sample of it looks like; and why it is none.
//
// Thread-safe: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/schema.h"
#include "model/snapshot.h"
#include "trainer/column_profile.h"

namespace adscore::trainer {

// Whether it holds dates and times. Numbers of seconds look like any other large numbers: they need a name
// that says so.
bool IsDate(std::string_view name, const ColumnProfile& profile);

// What a column of dates says about days to come: the hour and the weekday, if it has seen them often enough.
// A moment itself never comes again.
std::vector<model::Feature> PartsOfDate(const std::string& name, const ColumnProfile& profile);

// Why the column is no feature, or nothing if it is one. positives: [labels], rows where each is positive. In
// time order, a clock is none.
std::optional<std::string> ReasonToLeaveOut(std::string_view name, const ColumnProfile& profile,
                                            const std::vector<model::Label>& labels,
                                            std::span<const uint64_t> positives, bool in_time_order);

// The feature that a column of no dates is, as a candidate's: of `known_kind`, if that is given.
model::Feature Describe(std::string_view name, const ColumnProfile& profile,
                        std::optional<model::FeatureKind> known_kind);

}  // namespace adscore::trainer

// What a person would want to look at again before a column is learnt from as it is: numbers and dates in a
// notation that is not read, and values that give a label away.
//
// Thread-safe: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "trainer/column_profile.h"
#include "trainer/pair_selection.h"

namespace adscore::trainer {

// Whether most of what is no number there is one to a person: 1.234,56 or $12.50 or 7 %.
bool LooksLikeNumbers(const ColumnProfile& profile);

// What is odd about a column that is taken as names, as what comes after "column 'x' "; nothing if it is not.
std::optional<std::string> DoubtOf(const ColumnProfile& profile);

// How well a column foretells a label by itself: the area under the curve of "value of the column → share of
// positives". Of a column of names (an index of data.columns) those shares are counted on every second row,
// and the curve is that of the others. 0.5 where there are too few rows to tell.
double AreaAlone(const CodedRows& data, size_t column, size_t label);
// The same of the numbers themselves, in either direction, for one of the first eight labels.
double AreaAlone(const ColumnProfile& profile, size_t label);

// From here on it is to be doubted that the column is known before the outcome.
inline constexpr double kGivesAway = 0.98;

}  // namespace adscore::trainer

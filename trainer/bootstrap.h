// How far a figure could have come out differently by the luck of which rows were drawn: a bootstrap over
// rows. Each resample counts every row a Poisson(1) number of times, which is what drawing with replacement
// comes to, and an interval reaches from the 2.5% to the 97.5% quantile of the figure over the resamples
// (B. Efron, 1979; the Poisson form as in N. Chamandy et al., 2012). Rows count as independent: if a few
// impressions or users make up most rows, the truth is wider.
//
// Cost is bounded: kMostResamples for small data and kLeastResamples for large; beyond kMostResampledRows,
// so many rows are drawn once, and the interval is narrowed by √(drawn ÷ all).
//
// Thread-safe: pure functions. Deterministic: neither the number of threads nor a seed changes a result.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "trainer/metrics.h"

namespace adscore::trainer {

inline constexpr size_t kMostResampledRows = 500'000;
inline constexpr size_t kLeastResamples = 200;
inline constexpr size_t kMostResamples = 1000;

// Resamples for so many rows.
size_t Resamples(size_t rows);

// A subset of [0, rows), ascending: all of them up to kMostResampledRows, otherwise about so many, drawn.
std::vector<uint32_t> RowsToResample(size_t rows);

// Calls figure(resample, weights) for each resample, on `threads` threads: `weights` has a count for each of
// `rows` rows and is valid during the call.
void ForEachResample(size_t rows, size_t threads,
                     const std::function<void(size_t resample, std::span<const uint8_t> weights)>& figure);

// From a figure's value over all rows, over the rows that were resampled, and in each resample (NaN: not
// defined there). `narrowing` is √(rows resampled ÷ all). Nothing if most resamples don't define it.
std::optional<Interval> PercentileInterval(double value, double resampled_value,
                                           std::vector<double> resamples, double narrowing);

// The figures' intervals, for probabilities and labels as ComputeFigures takes them.
FigureIntervals ComputeIntervals(std::span<const float> probabilities, std::span<const uint8_t> labels,
                                 const HeadFigures& figures, size_t threads);

}  // namespace adscore::trainer

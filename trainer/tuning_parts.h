// Which rows say when to stop training and how far probabilities are off, where there may be few of them.
//
// Thread-safe: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trainer/dataset.h"
#include "trainer/split.h"

namespace adscore::trainer {

// Positives, and negatives, by which calibration is known to some 5 %, 1 ÷ √400.
inline constexpr uint64_t kEnoughPositives = 400;

// The fewest positives, or negatives, that `rows` have of any head.
uint64_t FewestOfAKind(const Dataset& data, std::span<const uint32_t> rows);

// Of rows that count for less than others, only as many as they count for: tuning takes each row as one.
std::vector<uint32_t> ThinByWeight(const Dataset& data, const std::vector<uint32_t>& rows, uint64_t seed);

// One way to part the rows to learn from: what is trained on, and what says when to stop and how far the
// probabilities are off.
struct TuningPart {
  std::vector<uint32_t> training;
  std::vector<uint32_t> tuning;
};

// The split's own parts, if its tuning rows have enough positives of every head to calibrate by. Otherwise
// several, each with another tenth of the rows drawn at random: together they have more.
std::vector<TuningPart> PartsFor(const Dataset& data, const Split& split, double tuning_share, uint64_t seed);

}  // namespace adscore::trainer

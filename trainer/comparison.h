// Which of two sets of probabilities for the same rows is better, and whether the rows can tell: differences
// with paired bootstrap intervals (bootstrap.h), in which both are measured on the same resampled rows. That
// takes out what makes both look good or bad at once, so that the interval of a difference is much narrower
// than the difference of two intervals.
//
// Thread-safe: pure functions. Deterministic for any number of threads.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>

#include "trainer/metrics.h"

namespace adscore::trainer {

struct Difference {
  double value = 0;  // the first one's figure minus the second one's
  std::optional<Interval> interval;
};

enum class Winner {
  kFirst,    // its log loss is lower, and 95% of the resamples agree
  kSecond,   // likewise
  kNeither,  // the interval has 0 in it: these rows can't tell
};

struct Comparison {
  HeadFigures first;
  HeadFigures second;
  Difference log_loss;
  std::optional<Difference> normalized_entropy;  // nothing without both positives and negatives
  std::optional<Difference> auc;                 // likewise
  // What the first one saves of the second one's log loss, as a share of it: 0.01 is 1% better.
  Difference saved;
  Winner winner = Winner::kNeither;
};

// One entry per row each.
Comparison Compare(std::span<const float> first, std::span<const float> second,
                   std::span<const uint8_t> labels, size_t threads);

// "'ads' version 2 is better than version 1: 0.8% lower log loss [0.5%, 1.1%]", or that the rows can't tell.
std::string Describe(const Comparison& comparison, const std::string& first, const std::string& second);

// {"log_loss_difference": …, …, "intervals": {…}, "winner": "first"|"second"|"neither"}.
nlohmann::ordered_json ComparisonToJson(const Comparison& comparison);

// "first", "second" or "neither".
const char* ToString(Winner winner);

}  // namespace adscore::trainer

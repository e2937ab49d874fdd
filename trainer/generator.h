// Writes a log of synthetic impressions as CSV, one row per ad shown, with what happened and how likely it
// was.
//
// The same rows and seed give the same bytes on every machine (before compression).
//
// Thread-safe: pure functions but for the file that is written. The work is shared by threads, whose number
// changes nothing about the result.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace adscore::trainer {

// The columns of the file, by what they are: labels, context, ad, and the true probabilities that `fit`
// leaves out.
inline constexpr std::array<std::string_view, 2> kGeneratedLabels = {"click", "conversion"};
inline constexpr std::array<std::string_view, 9> kGeneratedContext = {
    "site", "section", "hour", "weekday", "device", "country", "age", "visits_30d", "interests"};
inline constexpr std::array<std::string_view, 8> kGeneratedAd = {
    "campaign", "creative", "category", "format", "price", "bid", "creative_age_days", "position"};
inline constexpr std::array<std::string_view, 2> kGeneratedTruths = {"true_click", "true_conversion"};

struct GeneratorOptions {
  std::string out;    // compressed if it ends in ".gz"; appears once it is complete
  uint64_t rows = 0;  // at least 1
  uint64_t seed = 1;  // which impressions happen; the world in which they do is always the same
  size_t threads = 1;
};

// What was written. `*_log_loss` is that of the true probabilities, in nats per row: no model can be expected
// to do better.
struct GeneratorFigures {
  uint64_t rows = 0;
  uint64_t clicks = 0;
  uint64_t conversions = 0;
  double click_log_loss = 0;
  double conversion_log_loss = 0;
};

// Calls progress(rows so far) now and then.
absl::StatusOr<GeneratorFigures> Generate(const GeneratorOptions& options,
                                          const std::function<void(uint64_t rows)>& progress);

}  // namespace adscore::trainer

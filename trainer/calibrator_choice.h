// Which calibrator a head gets: none, Platt's, or one bent by isotonic regression.
//
// Thread-safe: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "model/calibrator.h"

namespace adscore::trainer {

enum class CalibrationKind : uint8_t {
  kAuto,  // Platt's or a curve, as the rows say
  kPlatt,
  kIsotonic,
  kNone,
};

// "auto", "platt", "isotonic", "none".
absl::StatusOr<CalibrationKind> ParseCalibrationKind(std::string_view name);

// What a calibrator is: never kAuto.
CalibrationKind KindOf(const model::Calibrator& calibrator);
const char* ToString(CalibrationKind kind);

// A calibrator fitted to logits of rows that the network was not trained on. kIsotonic gives Platt's where
// there are too few rows for a curve. kAuto compares the two by cross-fitting, since a curve always looks
// good on the rows that it was fitted to: each fifth of the rows is calibrated by what was fitted to the
// other four. Platt's is taken unless the curve's log loss is lower by more than one standard error of the
// difference; what is taken is fitted to all rows.
model::Calibrator ChooseCalibrator(CalibrationKind kind, std::span<const float> logits,
                                   std::span<const uint8_t> labels);

}  // namespace adscore::trainer

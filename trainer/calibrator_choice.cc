#include "trainer/calibrator_choice.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "trainer/calibration.h"
#include "trainer/isotonic.h"
#include "trainer/random.h"

namespace adscore::trainer {
namespace {

constexpr size_t kParts = 5;
constexpr uint64_t kPartKey = 0x43414C4942;

// -log of the probability given to what happened.
double Loss(const model::Calibrator& calibrator, float logit, bool positive) {
  const double z = model::LogOdds(calibrator, logit);
  return std::log1p(std::exp(-std::abs(z))) + (z > 0 ? z : 0) - (positive ? z : 0);
}

// The mean of some differences, and its standard error.
class Difference {
 public:
  void Add(double value) {
    sum_ += value;
    squares_ += value * value;
    ++count_;
  }
  // Below 0 by more than chance explains.
  bool IsLower() const {
    const auto n = static_cast<double>(count_);
    const double mean = sum_ / n;
    const double variance = squares_ / n - mean * mean;
    return mean < -std::sqrt(std::max(variance, 0.0) / n);
  }

 private:
  double sum_ = 0;
  double squares_ = 0;
  size_t count_ = 0;
};

// "None" is not among them: by chance its log loss is often as good, while its probabilities need not add up.
CalibrationKind Compare(std::span<const float> logits, std::span<const uint8_t> labels) {
  Difference bent_less_platt;
  for (size_t part = 0; part < kParts; ++part) {
    std::vector<size_t> held_out;
    std::vector<float> fitted_logits;
    std::vector<uint8_t> fitted_labels;
    for (size_t i = 0; i < logits.size(); ++i) {
      if (Random(kPartKey, i).Below(kParts) == part) {
        held_out.push_back(i);
      } else {
        fitted_logits.push_back(logits[i]);
        fitted_labels.push_back(labels[i]);
      }
    }
    const model::Calibrator platt = FitPlatt(fitted_logits, fitted_labels);
    const model::Calibrator bent = BendCalibrator(platt, fitted_logits, fitted_labels);
    for (const size_t i : held_out) {
      const bool positive = labels[i] != 0;
      bent_less_platt.Add(Loss(bent, logits[i], positive) - Loss(platt, logits[i], positive));
    }
  }
  return bent_less_platt.IsLower() ? CalibrationKind::kIsotonic : CalibrationKind::kPlatt;
}

}  // namespace

absl::StatusOr<CalibrationKind> ParseCalibrationKind(std::string_view name) {
  for (const CalibrationKind kind : {CalibrationKind::kAuto, CalibrationKind::kPlatt,
                                     CalibrationKind::kIsotonic, CalibrationKind::kNone}) {
    if (name == ToString(kind)) return kind;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "'", std::string(name), "' is not a kind of calibration: use auto, platt, isotonic or none"));
}

CalibrationKind KindOf(const model::Calibrator& calibrator) {
  if (!calibrator.knots.empty()) return CalibrationKind::kIsotonic;
  return calibrator == model::Calibrator{} ? CalibrationKind::kNone : CalibrationKind::kPlatt;
}

const char* ToString(CalibrationKind kind) {
  switch (kind) {
    case CalibrationKind::kAuto:
      return "auto";
    case CalibrationKind::kPlatt:
      return "platt";
    case CalibrationKind::kIsotonic:
      return "isotonic";
    case CalibrationKind::kNone:
      return "none";
  }
  return "";
}

model::Calibrator ChooseCalibrator(CalibrationKind kind, std::span<const float> logits,
                                   std::span<const uint8_t> labels) {
  if (kind == CalibrationKind::kAuto) {
    kind = logits.empty() ? CalibrationKind::kPlatt : Compare(logits, labels);
  }
  if (kind == CalibrationKind::kNone) return {};
  const model::Calibrator platt = FitPlatt(logits, labels);
  return kind == CalibrationKind::kPlatt ? platt : BendCalibrator(platt, logits, labels);
}

}  // namespace adscore::trainer

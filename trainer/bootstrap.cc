#include "trainer/bootstrap.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "trainer/random.h"
#include "trainer/ranked_rows.h"
#include "trainer/workers.h"

namespace adscore::trainer {
namespace {

constexpr uint64_t kResampleKey = 0x424F4F54;
constexpr uint64_t kDrawKey = 0x44524157;
constexpr uint64_t kRowBudget = 20'000'000;  // rows in all resamples together, where that is enough of them
constexpr double kTail = 0.025;
constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

// Poisson(1) by inversion: the count that belongs to 16 random bits.
const std::vector<uint8_t>& CountOfBits() {
  static const std::vector<uint8_t>* const counts = [] {
    auto* table = new std::vector<uint8_t>();
    double probability = std::exp(-1.0);
    double below = probability;
    uint8_t count = 0;
    for (size_t bits = 0; bits < 65536; ++bits) {
      while ((static_cast<double>(bits) + 0.5) / 65536 > below) {
        probability /= ++count;
        below += probability;
      }
      table->push_back(count);
    }
    return table;
  }();
  return *counts;
}

void DrawWeights(size_t resample, std::vector<uint8_t>* weights) {
  const std::vector<uint8_t>& count = CountOfBits();
  Random random(kResampleKey, resample);
  for (size_t i = 0; i < weights->size(); i += 4) {
    uint64_t bits = random.Bits();
    for (size_t j = i; j < std::min(i + 4, weights->size()); ++j, bits >>= 16) {
      (*weights)[j] = count[bits & 0xFFFF];
    }
  }
}

double Quantile(const std::vector<double>& ascending, double share) {
  const double at = share * static_cast<double>(ascending.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, ascending.size() - 1);
  return ascending[below] + (at - static_cast<double>(below)) * (ascending[above] - ascending[below]);
}

}  // namespace

size_t Resamples(size_t rows) {
  return std::clamp<size_t>(kRowBudget / std::max<size_t>(rows, 1), kLeastResamples, kMostResamples);
}

std::vector<uint32_t> RowsToResample(size_t rows) {
  std::vector<uint32_t> drawn;
  if (rows <= kMostResampledRows) {
    drawn.resize(rows);
    std::iota(drawn.begin(), drawn.end(), 0U);
    return drawn;
  }
  const double share = static_cast<double>(kMostResampledRows) / static_cast<double>(rows);
  for (size_t row = 0; row < rows; ++row) {
    if (Random(kDrawKey, row).Uniform() < share) drawn.push_back(static_cast<uint32_t>(row));
  }
  return drawn;
}

void ForEachResample(size_t rows, size_t threads,
                     const std::function<void(size_t, std::span<const uint8_t>)>& figure) {
  const size_t resamples = Resamples(rows);
  Workers workers(std::min(threads, resamples));
  workers.Run([&](size_t worker) {
    std::vector<uint8_t> weights(rows);
    const auto [first, last] = workers.Share(worker, resamples);
    for (size_t resample = first; resample < last; ++resample) {
      DrawWeights(resample, &weights);
      figure(resample, weights);
    }
  });
}

std::optional<Interval> PercentileInterval(double value, double resampled_value,
                                           std::vector<double> resamples, double narrowing) {
  const size_t drawn = resamples.size();
  std::erase_if(resamples, [](double figure) { return std::isnan(figure); });
  if (resamples.size() * 2 <= drawn) return std::nullopt;
  std::sort(resamples.begin(), resamples.end());
  return Interval{value + narrowing * (Quantile(resamples, kTail) - resampled_value),
                  value + narrowing * (Quantile(resamples, 1 - kTail) - resampled_value)};
}

FigureIntervals ComputeIntervals(std::span<const float> probabilities, std::span<const uint8_t> labels,
                                 const HeadFigures& figures, size_t threads) {
  FigureIntervals intervals;
  if (probabilities.empty()) return intervals;
  const std::vector<uint32_t> drawn = RowsToResample(probabilities.size());
  std::vector<float> drawn_probabilities;
  std::vector<uint8_t> drawn_labels;
  for (const uint32_t row : drawn) {
    drawn_probabilities.push_back(probabilities[row]);
    drawn_labels.push_back(labels[row]);
  }
  const RankedRows ranked(drawn_probabilities, drawn_labels);
  std::vector<HeadFigures> resamples(Resamples(ranked.rows()));
  ForEachResample(ranked.rows(), threads, [&](size_t resample, std::span<const uint8_t> weights) {
    resamples[resample] = ranked.Figures(weights);
  });

  const HeadFigures resampled = ranked.Figures(std::vector<uint8_t>(ranked.rows(), 1));
  const double narrowing =
      std::sqrt(static_cast<double>(drawn.size()) / static_cast<double>(probabilities.size()));
  const auto interval = [&](auto get) -> std::optional<Interval> {
    const std::optional<double> value = get(figures);
    if (!value) return std::nullopt;
    std::vector<double> values;
    for (const HeadFigures& f : resamples) values.push_back(get(f).value_or(kNothing));
    return PercentileInterval(*value, get(resampled).value_or(*value), std::move(values), narrowing);
  };
  intervals.auc = interval([](const HeadFigures& f) { return f.auc; });
  intervals.pr_auc = interval([](const HeadFigures& f) { return f.pr_auc; });
  intervals.log_loss = interval([](const HeadFigures& f) { return std::optional(f.log_loss); });
  intervals.normalized_entropy = interval([](const HeadFigures& f) { return f.normalized_entropy; });
  intervals.calibration = interval([](const HeadFigures& f) { return f.calibration; });
  intervals.ece = interval([](const HeadFigures& f) { return std::optional(f.ece); });
  if (intervals.ece) {
    // A mean of absolute errors has the noise of its bins on top, and a resample has more of it than the rows
    // themselves: what the resamples are too high by on the average is taken off.
    double bias = -resampled.ece;
    for (const HeadFigures& f : resamples) bias += f.ece / static_cast<double>(resamples.size());
    intervals.ece->low = std::max(0.0, intervals.ece->low - narrowing * bias);
    intervals.ece->high = std::max(0.0, intervals.ece->high - narrowing * bias);
  }
  return intervals;
}

}  // namespace adscore::trainer

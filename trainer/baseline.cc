#include "trainer/baseline.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

#include "model/calibrator.h"
#include "trainer/calibration.h"
#include "trainer/encoded_rows.h"
#include "trainer/ftrl.h"
#include "trainer/random.h"
#include "trainer/workers.h"

namespace adscore::trainer {
namespace {

constexpr uint64_t kShuffleKey = 0x42415345;
constexpr double kSteps[] = {0.03, 0.1};
constexpr double kL2[] = {3, 30, 100};
// Rows that a token must be in to get a weight: regularisation deals with rare ones.
constexpr size_t kMinimumCount = 2;
// Rows that step size and regularisation are chosen by, the last ones before the tuning rows.
constexpr size_t kChoosingRows = 200'000;
constexpr size_t kMostEpochs = 8;
constexpr size_t kLooksPerEpoch = 4;
constexpr size_t kPatience = 3;  // looks without a better one before it stops

// `data` as the encoders fitted to `learnt_from` see it; their target statistics are left unread.
absl::StatusOr<SparseRows> Encode(const Dataset& data, std::span<const uint32_t> learnt_from,
                                  EncoderOptions options) {
  options.embedding_dim = 1;
  options.minimum_count = kMinimumCount;
  options.statistics_minimum_count = kMinimumCount;
  const absl::StatusOr<FittedEncoders> encoders = FitEncoders(data, learnt_from, options);
  if (!encoders.ok()) return encoders.status();
  const InputLayout layout = LayOutInput(data.schema, encoders->encodings);
  EncodedRows encoded;
  std::vector<uint32_t> all(data.rows);
  std::iota(all.begin(), all.end(), 0U);
  AppendEncoded(data, all, 0, data.labels, layout, *encoders, &encoded);

  SparseRows rows;
  std::vector<size_t> first;  // weight of each field
  for (const InputField& field : layout.fields) {
    first.push_back(rows.weights);
    rows.weights += field.ids + (field.kind == model::FeatureKind::kNumeric ? 1 : 0);
  }
  const auto add = [&rows](size_t index, float value) {
    rows.index.push_back(static_cast<uint32_t>(index));
    rows.value.push_back(value);
  };
  rows.begin.reserve(data.rows + 1);
  rows.begin.push_back(0);
  for (size_t row = 0; row < data.rows; ++row) {
    for (size_t f = 0; f < layout.fields.size(); ++f) {
      const InputField& field = layout.fields[f];
      switch (field.kind) {
        case model::FeatureKind::kNumeric: {
          const model::EncodedNumber& number = encoded.numbers[row * layout.numeric + field.column];
          add(first[f] + number.bin, 1);
          if (number.value != 0) add(first[f] + field.ids, number.value);
          break;
        }
        case model::FeatureKind::kCategorical:
          add(first[f] + encoded.ids[row * layout.categorical + field.column], 1);
          break;
        case model::FeatureKind::kMultiCategorical: {
          const uint64_t* list = encoded.multi_begin.data() + row * layout.multi + field.column;
          for (uint64_t i = list[0]; i < list[1]; ++i) {
            add(first[f] + encoded.multi_ids[i], 1.0F / static_cast<float>(list[1] - list[0]));
          }
          break;
        }
      }
    }
    rows.begin.push_back(rows.index.size());
  }
  return rows;
}

// A head's labels, and what the rows count for.
struct Truth {
  const Dataset& data;
  const std::vector<uint8_t>& labels;
};

double Rate(const Truth& truth, std::span<const uint32_t> rows) {
  double positives = 0;
  double all = 0;
  for (const uint32_t row : rows) {
    positives += truth.data.Weight(row) * truth.labels[row];
    all += truth.data.Weight(row);
  }
  return (positives + 0.5) / (all + 1);
}

std::vector<float> Logits(const FtrlRegression& regression, const SparseRows& rows,
                          std::span<const uint32_t> ids) {
  std::vector<float> logits;
  logits.reserve(ids.size());
  for (const uint32_t row : ids) logits.push_back(static_cast<float>(regression.Logit(rows, row)));
  return logits;
}

double MeanLoss(std::span<const float> logits, std::span<const uint8_t> labels) {
  double loss = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    const double z = logits[i];
    loss += std::log1p(std::exp(-std::abs(z))) + std::max(z, 0.0) - (labels[i] != 0 ? z : 0.0);
  }
  return loss / static_cast<double>(logits.size());
}

// Those of `ids` whose label is known.
std::vector<uint32_t> KnownOf(const std::vector<uint8_t>& labels, std::span<const uint32_t> ids) {
  std::vector<uint32_t> known;
  for (const uint32_t row : ids) {
    if (labels[row] != kUnknownLabel) known.push_back(row);
  }
  return known;
}

std::vector<uint8_t> LabelsOf(const std::vector<uint8_t>& labels, std::span<const uint32_t> ids) {
  std::vector<uint8_t> of;
  of.reserve(ids.size());
  for (const uint32_t row : ids) of.push_back(labels[row]);
  return of;
}

// How a regression did on the tuning rows.
struct Trial {
  FtrlOptions options;
  double loss = std::numeric_limits<double>::infinity();
  size_t best_steps = 0;             // rows learnt from when it was best
  std::vector<float> tuning_logits;  // then
};

// Learns from `learn` rows, each epoch in an order of its own, and calls look() at the end of every part of
// an epoch until it says that it is enough. `steps` rows at most.
template <typename Look>
void Learn(const SparseRows& rows, const Truth& truth, std::span<const uint32_t> learn, size_t steps,
           FtrlRegression* regression, const Look& look) {
  std::vector<uint32_t> order(learn.begin(), learn.end());
  const size_t part = std::max<size_t>(order.size() / kLooksPerEpoch, 1);
  for (size_t step = 0; step < steps; ++step) {
    if (step % order.size() == 0) Random(kShuffleKey, step / order.size()).Shuffle(&order);
    const uint32_t row = order[step % order.size()];
    regression->Learn(rows, row, truth.labels[row] != 0, truth.data.Weight(row));
    if ((step + 1) % part == 0 && !look(step + 1)) return;
  }
}

Trial Try(const SparseRows& rows, const Truth& truth, std::span<const uint32_t> learn,
          std::span<const uint32_t> tuning, const FtrlOptions& options) {
  Trial trial;
  trial.options = options;
  FtrlRegression regression(rows.weights, Rate(truth, learn), options);
  const std::vector<uint8_t> tuning_labels = LabelsOf(truth.labels, tuning);
  size_t looks_since_best = 0;
  Learn(rows, truth, learn, learn.size() * kMostEpochs, &regression, [&](size_t steps) {
    std::vector<float> logits = Logits(regression, rows, tuning);
    const double loss = MeanLoss(logits, tuning_labels);
    if (loss < trial.loss) {
      trial.loss = loss;
      trial.best_steps = steps;
      trial.tuning_logits = std::move(logits);
      looks_since_best = 0;
    } else {
      ++looks_since_best;
    }
    return looks_since_best < kPatience;
  });
  return trial;
}

// The best of all pairs of step size and regularisation.
Trial Choose(const SparseRows& rows, const Truth& truth, std::span<const uint32_t> learn,
             std::span<const uint32_t> tuning, size_t threads) {
  std::vector<Trial> trials;
  for (const double step : kSteps) {
    for (const double l2 : kL2) trials.push_back({.options = {step, l2}, .tuning_logits = {}});
  }
  const std::span<const uint32_t> part = learn.last(std::min(learn.size(), kChoosingRows));
  Workers workers(std::min(threads, trials.size()));
  workers.Run([&](size_t worker) {
    const auto [first, last] = workers.Share(worker, trials.size());
    for (size_t t = first; t < last; ++t) trials[t] = Try(rows, truth, part, tuning, trials[t].options);
  });
  Trial best = *std::min_element(trials.begin(), trials.end(),
                                 [](const Trial& a, const Trial& b) { return a.loss < b.loss; });
  return part.size() == learn.size() ? best : Try(rows, truth, learn, tuning, best.options);
}

}  // namespace

absl::StatusOr<std::vector<float>> BaselineProbabilities(const Dataset& data, const Split& split,
                                                         const EncoderOptions& encoders, size_t threads) {
  const size_t heads = data.labels.size();
  std::vector<Trial> chosen;
  {
    const absl::StatusOr<SparseRows> rows = Encode(data, split.training, encoders);
    if (!rows.ok()) return rows.status();
    for (const std::vector<uint8_t>& labels : data.labels) {
      chosen.push_back(Choose(*rows, {data, labels}, KnownOf(labels, split.training),
                              KnownOf(labels, split.tuning), threads));
    }
  }
  std::vector<uint32_t> learnt_from = split.training;
  learnt_from.insert(learnt_from.end(), split.tuning.begin(), split.tuning.end());
  std::sort(learnt_from.begin(), learnt_from.end());
  const absl::StatusOr<SparseRows> encoded = Encode(data, learnt_from, encoders);
  if (!encoded.ok()) return encoded.status();
  const SparseRows& rows = *encoded;
  std::vector<float> probabilities(split.validation.size() * heads);
  Workers workers(std::min(threads, heads));
  workers.Run([&](size_t worker) {
    const auto [first, last] = workers.Share(worker, heads);
    for (size_t head = first; head < last; ++head) {
      const Trial& trial = chosen[head];
      const std::vector<uint8_t>& labels = data.labels[head];
      const model::Calibrator calibrator =
          FitPlatt(trial.tuning_logits, LabelsOf(labels, KnownOf(labels, split.tuning)));
      const std::vector<uint32_t> known = KnownOf(labels, learnt_from);
      FtrlRegression regression(rows.weights, Rate({data, labels}, known), trial.options);
      // As many epochs as were best, of a few more rows.
      const auto steps = static_cast<size_t>(static_cast<double>(trial.best_steps) /
                                             static_cast<double>(KnownOf(labels, split.training).size()) *
                                             static_cast<double>(known.size()));
      Learn(rows, {data, labels}, known, steps, &regression, [](size_t) { return true; });
      const std::vector<float> logits = Logits(regression, rows, split.validation);
      for (size_t i = 0; i < logits.size(); ++i) {
        probabilities[i * heads + head] = model::Calibrate(calibrator, logits[i]);
      }
    }
  });
  return probabilities;
}

}  // namespace adscore::trainer

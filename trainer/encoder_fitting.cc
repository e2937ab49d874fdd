#include "trainer/encoder_fitting.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "model/cross.h"
#include "trainer/cross_cells.h"
#include "trainer/sources.h"
#include "trainer/token_counting.h"
#include "trainer/warm_start.h"

namespace adscore::trainer {
namespace {

// Enough rows to place bins and clamps; sorting more would only take longer.
constexpr size_t kSampleRows = 200'000;
// The share of rows at either end whose numbers are clamped: one mistyped amount must not stretch the scale.
constexpr double kClampedShare = 0.001;

// Transformed values of a sample of the rows that have one, ascending.
absl::StatusOr<std::vector<float>> SampleTransformed(const Dataset& data, size_t f,
                                                     std::span<const uint32_t> training) {
  model::NumericEncoding only_transform;
  only_transform.low = std::numeric_limits<float>::lowest();
  only_transform.high = std::numeric_limits<float>::max();
  std::vector<uint32_t> rows;
  const size_t step = (training.size() + kSampleRows - 1) / kSampleRows;
  for (size_t i = 0; i < training.size(); i += step) rows.push_back(training[i]);
  std::vector<float> values;
  absl::Status read = ForEachCell(data, f, rows, [&](const Column& column, size_t local, uint32_t) {
    const float raw = column.numeric[local];
    if (std::isnan(raw)) return;
    values.push_back(model::EncodeNumber(data.schema.features[f], only_transform, raw).value);
  });
  if (!read.ok()) return read;
  std::sort(values.begin(), values.end());
  return values;
}

model::NumericEncoding FitNumber(const std::vector<float>& ascending, size_t bins) {
  model::NumericEncoding encoding;
  if (ascending.empty()) return encoding;
  const size_t n = ascending.size();
  const auto clamped = static_cast<size_t>(static_cast<double>(n) * kClampedShare);
  encoding.low = ascending[clamped];
  encoding.high = ascending[n - 1 - clamped];

  double sum = 0;
  for (const float value : ascending) sum += std::clamp(value, encoding.low, encoding.high);
  const double mean = sum / static_cast<double>(n);
  double squares = 0;
  for (const float value : ascending) {
    const double distance = std::clamp(value, encoding.low, encoding.high) - mean;
    squares += distance * distance;
  }
  const double variance = squares / static_cast<double>(n);
  encoding.mean = static_cast<float>(mean);
  // A column that hardly varies is left unscaled rather than blown up.
  encoding.scale = variance > 1e-12 * (1 + mean * mean) ? static_cast<float>(1 / std::sqrt(variance)) : 1.0F;

  // An edge at each quantile; a value that is many quantiles at once makes one bin.
  for (size_t bin = 1; bin < bins; ++bin) {
    const float edge = ascending[n * bin / bins];
    if (edge > (encoding.edges.empty() ? ascending.front() : encoding.edges.back()))
      encoding.edges.push_back(edge);
  }
  return encoding;
}

std::vector<double> BaseRates(const Dataset& data, std::span<const uint32_t> training,
                              const WarmStart* warm_start) {
  std::vector<double> rates;
  for (size_t head = 0; head < data.labels.size(); ++head) {
    const std::vector<uint8_t>& labels = data.labels[head];
    double all = warm_start == nullptr ? 0 : warm_start->rows();
    double positives = warm_start == nullptr ? 0 : all * warm_start->BaseRate(head);
    for (const uint32_t row : training) {
      if (labels[row] == kUnknownLabel) continue;
      positives += data.Weight(row) * labels[row];
      all += data.Weight(row);
    }
    rates.push_back((positives + 0.5) / (all + 1));
  }
  return rates;
}

// Units that a row which counts for one is, so that no count of a fold can overflow: with weights many, so
// that they are met well.
double UnitsPerRow(const Dataset& data, std::span<const uint32_t> training) {
  if (data.weights.empty()) return 1;
  double all = 0;
  for (const uint32_t row : training) all += data.weights[row];
  // The largest fold has little more than its share of the rows.
  return std::exp2(std::floor(std::log2(0x1p31 * kFolds / (2 * all + kFolds * kMostWeight))));
}

// The vocabulary of a feature or cross, and the statistics of its tokens.
absl::Status FitTokens(const Dataset& data, const TokenFeature& feature, std::span<const uint32_t> training,
                       const EncoderOptions& options, std::span<const double> base_rates,
                       FittedEncoders* fitted) {
  const size_t f = feature.index;
  model::FeatureEncoding& encoding = fitted->encodings[f];
  PastTokens past;
  uint64_t buckets_before = 0;
  if (options.warm_start != nullptr) {
    for (PastToken& token : options.warm_start->Tokens(f)) past[token.token] = std::move(token);
    buckets_before = options.warm_start->snapshot().encodings[f].vocabulary.buckets();
  }
  const absl::StatusOr<KnownTokens> known =
      CountTokens(data, feature, training, fitted->encodings, options, past, buckets_before);
  if (!known.ok()) return known.status();
  std::vector<uint64_t> tokens;
  std::vector<uint32_t> previous_ids = {model::kMissingId, model::kUnknownId};
  for (const TokenCount& of : known->tokens) {
    tokens.push_back(of.token);
    // A new one starts at what stood for it until now.
    if (of.embedded) previous_ids.push_back(of.previous);
  }
  encoding.embedding.rows = previous_ids.size();
  if (options.warm_start != nullptr) fitted->previous_ids[f] = std::move(previous_ids);
  fitted->slots[f] = model::BuildVocabulary(tokens);
  encoding.vocabulary = model::Vocabulary(fitted->slots[f].keys, fitted->slots[f].ids, known->buckets);

  const double units_per_row = UnitsPerRow(data, training);
  TokenCounts counts(model::kFirstTokenId + tokens.size(), base_rates, units_per_row, HasUnknownLabels(data));
  if (options.warm_start != nullptr) {
    const PastToken missing = options.warm_start->Missing(f);
    counts.AddPast(model::kMissingId, missing.rows, missing.positives);
    for (const auto& [token, from_before] : past) {
      const uint32_t id = encoding.vocabulary.Lookup(token);
      if (id != model::kUnknownId) counts.AddPast(id, from_before.rows, from_before.positives);
    }
  }
  std::vector<uint8_t> labels(data.labels.size());
  const auto count_row = [&](const Column& column, size_t local, uint32_t row) {
    for (size_t h = 0; h < labels.size(); ++h) labels[h] = data.labels[h][row];
    const uint32_t units =
        data.weights.empty() ? 1 : static_cast<uint32_t>(std::lround(units_per_row * data.weights[row]));
    bool missing = true;
    ForEachToken(column, feature.kind, local, [&](uint64_t token) {
      missing = false;
      const uint32_t id = encoding.vocabulary.Lookup(token);
      // What is unknown has never been seen: to count it here would tell rows apart by their rarity.
      if (id != model::kUnknownId) counts.Add(id, fitted->folds[row], labels, units);
    });
    if (missing) counts.Add(model::kMissingId, fitted->folds[row], labels, units);
  };
  absl::Status read = ForEachEncodedCell(data, f, training, fitted->encodings, count_row);
  if (!read.ok()) return read;
  const TokenStatistics& statistics = fitted->statistics[f].emplace(std::move(counts));
  encoding.statistics = {
      .rows = model::kFirstTokenId + tokens.size(), .dim = statistics.dim(), .values = statistics.table()};
  return absl::OkStatus();
}

}  // namespace

void FittedEncoders::ForgetFolds() {
  folds = {};
  for (std::optional<TokenStatistics>& of_feature : statistics) {
    if (of_feature) of_feature->ForgetFolds();
  }
}

absl::StatusOr<FittedEncoders> FitEncoders(const Dataset& data, std::span<const uint32_t> training,
                                           const EncoderOptions& options) {
  const std::vector<model::Feature> features = model::EncodedFeatures(data.schema);
  FittedEncoders fitted;
  fitted.encodings.resize(features.size());
  fitted.slots.resize(features.size());
  fitted.statistics.resize(features.size());
  fitted.previous_ids.resize(features.size());
  fitted.folds = DrawFolds(data.rows, training);
  const std::vector<double> base_rates = BaseRates(data, training, options.warm_start);
  for (size_t f = 0; f < features.size(); ++f) {
    model::FeatureEncoding& encoding = fitted.encodings[f];
    encoding.embedding.dim = options.embedding_dim;
    if (features[f].kind == model::FeatureKind::kNumeric && options.warm_start != nullptr) {
      const model::FeatureEncoding& before = options.warm_start->snapshot().encodings[f];
      encoding.numeric = before.numeric;
      encoding.embedding.rows = before.embedding.rows;
    } else if (features[f].kind == model::FeatureKind::kNumeric) {
      const absl::StatusOr<std::vector<float>> sample = SampleTransformed(data, f, training);
      if (!sample.ok()) return sample.status();
      encoding.numeric = FitNumber(*sample, options.bins);
      encoding.embedding.rows = model::kFirstBinId + encoding.numeric.edges.size() + 1;
    } else {
      const TokenFeature feature = {
          f, features[f].kind,
          features[f].max_vocabulary > 0 ? features[f].max_vocabulary : options.max_vocabulary};
      absl::Status fit = FitTokens(data, feature, training, options, base_rates, &fitted);
      if (!fit.ok()) return fit;
    }
  }
  return fitted;
}

}  // namespace adscore::trainer

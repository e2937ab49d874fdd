#include "trainer/encoder_fitting.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <utility>

namespace adscore::trainer {
namespace {

// Enough rows to place bins and clamps; sorting more would only take longer.
constexpr size_t kSampleRows = 200'000;
// The share of rows at either end whose numbers are clamped: one mistyped amount must not stretch the scale.
constexpr double kClampedShare = 0.001;

// Transformed values of a sample of the rows that have one, ascending.
std::vector<float> SampleTransformed(const model::Feature& feature, const Column& column,
                                     std::span<const uint32_t> training) {
  model::NumericEncoding only_transform;
  only_transform.low = std::numeric_limits<float>::lowest();
  only_transform.high = std::numeric_limits<float>::max();
  std::vector<float> values;
  const size_t step = (training.size() + kSampleRows - 1) / kSampleRows;
  for (size_t i = 0; i < training.size(); i += step) {
    const float raw = column.numeric[training[i]];
    if (!std::isnan(raw)) values.push_back(model::EncodeNumber(feature, only_transform, raw).value);
  }
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

// Calls visit(token) for each token of a row; none for a missing one.
template <typename Visit>
void ForEachToken(const Column& column, model::FeatureKind kind, uint32_t row, const Visit& visit) {
  if (kind == model::FeatureKind::kCategorical) {
    if (column.tokens[row] != 0) visit(column.tokens[row]);
    return;
  }
  const uint64_t begin = column.multi_begin[row];
  for (uint64_t i = begin; i < begin + column.multi_count[row]; ++i) visit(column.multi[i]);
}

// Tokens by falling count; equal counts by hash.
std::vector<std::pair<uint64_t, uint64_t>> CountTokens(const Column& column, model::FeatureKind kind,
                                                       std::span<const uint32_t> training) {
  std::unordered_map<uint64_t, uint64_t> counts;
  for (const uint32_t row : training) {
    ForEachToken(column, kind, row, [&](uint64_t token) { ++counts[token]; });
  }
  std::vector<std::pair<uint64_t, uint64_t>> sorted;  // count, token
  sorted.reserve(counts.size());
  for (const auto& [token, count] : counts) sorted.emplace_back(count, token);
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  return sorted;
}

std::vector<double> BaseRates(const Dataset& data, std::span<const uint32_t> training) {
  std::vector<double> rates;
  for (const std::vector<uint8_t>& labels : data.labels) {
    double positives = 0;
    for (const uint32_t row : training) positives += labels[row];
    rates.push_back((positives + 0.5) / (static_cast<double>(training.size()) + 1));
  }
  return rates;
}

// The vocabulary of feature `f`, and the statistics of its tokens.
void FitTokens(const Dataset& data, size_t f, std::span<const uint32_t> training,
               const EncoderOptions& options, std::span<const double> base_rates, FittedEncoders* fitted) {
  const model::FeatureKind kind = data.schema.features[f].kind;
  const Column& column = data.columns[f];
  model::FeatureEncoding& encoding = fitted->encodings[f];
  std::vector<uint64_t> tokens;
  encoding.embedding.rows = model::kFirstTokenId;
  for (const auto& [count, token] : CountTokens(column, kind, training)) {
    if (count < options.statistics_minimum_count) break;
    tokens.push_back(token);
    if (count >= options.minimum_count) ++encoding.embedding.rows;
  }
  fitted->slots[f] = model::BuildVocabulary(tokens);
  encoding.vocabulary = model::Vocabulary(fitted->slots[f].keys, fitted->slots[f].ids);

  TokenCounts& counts = fitted->counts[f].emplace(model::kFirstTokenId + tokens.size(), base_rates);
  std::vector<uint8_t> labels(data.labels.size());
  for (const uint32_t row : training) {
    for (size_t h = 0; h < labels.size(); ++h) labels[h] = data.labels[h][row];
    bool missing = true;
    ForEachToken(column, kind, row, [&](uint64_t token) {
      missing = false;
      const uint32_t id = encoding.vocabulary.Lookup(token);
      // What is unknown has never been seen: to count it here would tell rows apart by their rarity.
      if (id != model::kUnknownId) counts.Add(id, fitted->folds[row], labels);
    });
    if (missing) counts.Add(model::kMissingId, fitted->folds[row], labels);
  }
  fitted->statistics[f] = counts.Table();
  encoding.statistics = {
      .rows = model::kFirstTokenId + tokens.size(), .dim = counts.dim(), .values = fitted->statistics[f]};
}

}  // namespace

FittedEncoders FitEncoders(const Dataset& data, std::span<const uint32_t> training,
                           const EncoderOptions& options) {
  const std::vector<model::Feature>& features = data.schema.features;
  FittedEncoders fitted;
  fitted.encodings.resize(features.size());
  fitted.slots.resize(features.size());
  fitted.statistics.resize(features.size());
  fitted.counts.resize(features.size());
  fitted.folds = DrawFolds(data.rows, training);
  const std::vector<double> base_rates = BaseRates(data, training);
  for (size_t f = 0; f < features.size(); ++f) {
    model::FeatureEncoding& encoding = fitted.encodings[f];
    encoding.embedding.dim = options.embedding_dim;
    if (features[f].kind == model::FeatureKind::kNumeric) {
      encoding.numeric = FitNumber(SampleTransformed(features[f], data.columns[f], training), options.bins);
      encoding.embedding.rows = model::kFirstBinId + encoding.numeric.edges.size() + 1;
    } else {
      FitTokens(data, f, training, options, base_rates, &fitted);
    }
  }
  return fitted;
}

}  // namespace adscore::trainer

// How long it takes to turn raw rows into the network's input, on one thread: 13 numbers and 26 tokens to a
// row, embeddings of 16 floats. See bench/README.md.
//
// Benchmarks: encode/TOKENS/ROWS, where each of the 26 features has TOKENS known tokens, any of them as
// likely as another: with 300 the tables fit into the second-level cache, with 10,000 (25 MB) into a
// third-level one at best, with 500,000 (about 1.5 GB) every lookup misses it. ROWS are encoded at a time.
// Counter: ns_per_row.
#include <benchmark/benchmark.h>

#include <deque>
#include <random>
#include <string>
#include <vector>

#include "model/row_encoder.h"
#include "model/snapshot.h"

namespace adscore::bench {
namespace {

constexpr size_t kNumbers = 13;
constexpr size_t kTokens = 26;
constexpr size_t kDim = 16;
constexpr size_t kRows = 32768;  // different ones: what they touch must not fit into the cache either

// A snapshot's features without its layers, and rows for it.
class Impressions {
 public:
  explicit Impressions(size_t tokens) {
    std::mt19937_64 generator(1);
    for (size_t i = 0; i < kNumbers; ++i) {
      snapshot_.schema.features.emplace_back().name = "I" + std::to_string(i);
      snapshot_.encodings.emplace_back().numeric = {.mean = 0, .scale = 1, .low = -3, .high = 3, .edges = {}};
    }
    for (size_t i = 0; i < kTokens; ++i) AddTokens("C" + std::to_string(i), tokens, &generator);

    numeric_.resize(kNumbers * kRows);
    std::normal_distribution<float> normal;
    for (float& value : numeric_) value = normal(generator);
    columns_ = {
        .rows = kRows, .numeric = numeric_, .categorical = categorical_, .multi_count = {}, .multi = {}};
  }

  const model::Snapshot& snapshot() const { return snapshot_; }
  const model::RawColumns& columns() const { return columns_; }

 private:
  void AddTokens(const std::string& name, size_t tokens, std::mt19937_64* generator) {
    model::Feature& feature = snapshot_.schema.features.emplace_back();
    feature.name = name;
    feature.kind = model::FeatureKind::kCategorical;
    std::vector<uint64_t> hashes(tokens);
    for (uint64_t& hash : hashes) hash = (*generator)() | 1;
    for (size_t r = 0; r < kRows; ++r) categorical_.push_back(hashes[(*generator)() % tokens]);
    const model::VocabularySlots& slots = slots_.emplace_back(model::BuildVocabulary(hashes));
    const size_t rows = model::kFirstTokenId + tokens;
    const std::vector<float>& values = tables_.emplace_back(rows * kDim, 0.5f);
    model::FeatureEncoding& encoding = snapshot_.encodings.emplace_back();
    encoding.vocabulary = model::Vocabulary(slots.keys, slots.ids);
    encoding.embedding = {.rows = rows, .dim = kDim, .values = values};
  }

  model::Snapshot snapshot_;
  std::deque<model::VocabularySlots> slots_;
  std::deque<std::vector<float>> tables_;
  std::vector<float> numeric_;
  std::vector<uint64_t> categorical_;
  model::RawColumns columns_;
};

void Encode(benchmark::State& state) {
  const Impressions impressions(static_cast<size_t>(state.range(0)));
  const auto rows = static_cast<size_t>(state.range(1));
  const model::RowEncoder encoder(impressions.snapshot(), model::FeatureRole::kCandidate);
  model::EncodeScratch scratch;
  std::vector<float> input(rows * encoder.width());
  encoder.Seek(impressions.columns(), 0, &scratch);
  size_t first = 0;
  for (auto _ : state) {
    encoder.Encode(impressions.columns(), {}, first, rows, &scratch, {input.data(), encoder.width(), 0});
    benchmark::DoNotOptimize(input.data());
    benchmark::ClobberMemory();
    first = (first + rows) % kRows;
  }
  state.counters["ns_per_row"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(rows) * 1e-9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

BENCHMARK(Encode)->Name("encode")->ArgsProduct({{300, 10'000, 500'000}, {1, 8, 128}});

}  // namespace
}  // namespace adscore::bench

BENCHMARK_MAIN();

// Publishes a model of a given shape with random weights, and impressions for it, to measure the server with.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/shape.h"
#include "data/cell.h"
#include "model/model.h"
#include "model/model_root.h"
#include "model/snapshot.h"

namespace adscore::bench {
namespace {

constexpr size_t kDim = 16;
constexpr size_t kFewestTokens = 10;
constexpr size_t kFeatures = 26;        // with tokens, in the widest shape
constexpr size_t kMostTokens = 26'000;  // of the last of them, unless said otherwise
constexpr size_t kGoldenRows = 64;
constexpr uint64_t kSeed = 7;  // of version 1
constexpr size_t kImpressionRows = 40'000;

std::string Token(size_t feature, size_t i) { return absl::StrCat("c", feature, "_", i); }

// Features for candidates only, the harder case: nothing is shared. A numeric feature makes two inputs (value
// and missing flag). Up to 64 inputs are numbers; beyond that there are 13 of them, as in the Criteo logs,
// and embeddings, the last as wide as is left.
class BenchModel {
 public:
  BenchModel(const std::string& shape, uint64_t seed, size_t most_tokens)
      : network_(shape),
        random_(seed),
        growth_(std::pow(static_cast<double>(most_tokens) / kFewestTokens, 1.0 / (kFeatures - 1))) {
    const size_t inputs = network_.inputs();
    const size_t numeric = inputs <= 64 ? inputs / 2 : 13;
    for (size_t i = 0; i < numeric; ++i) AddNumber(i);
    size_t left = inputs - 2 * numeric;
    for (size_t i = 0; left > 0; ++i) {
      const size_t dim = std::min(left, kDim);
      AddTokens(i, dim);
      left -= dim;
    }
    snapshot_.layers = network_.layers();
    snapshot_.heads.push_back(
        {.name = "click", .label = {.column = "click", .positive = ""}, .base_rate = 0.1, .calibrator = {}});
    snapshot_.provenance = {
        .trainer = "make_bench_model", .created_at = 1'700'000'000, .training_rows = 1, .seed = seed};
    AddGoldenRows();
  }

  const model::Snapshot& snapshot() const { return snapshot_; }

  // A header and `rows` rows; tokens are drawn so that a few are frequent and most are rare.
  void WriteCsv(const std::string& path, size_t rows) {
    std::ofstream out(path);
    std::string line;
    for (const model::Feature& feature : snapshot_.schema.features) absl::StrAppend(&line, feature.name, ",");
    line.back() = '\n';
    out << line;
    for (size_t r = 0; r < rows; ++r) {
      line.clear();
      for (size_t i = 0; i < numbers_; ++i) absl::StrAppend(&line, Number(), ",");
      for (size_t i = 0; i < tokens_.size(); ++i) absl::StrAppend(&line, Token(i, DrawToken(i)), ",");
      line.back() = '\n';
      out << line;
    }
  }

 private:
  float Number() { return std::normal_distribution<float>()(random_); }

  // Log-uniform, as in Zipf's law.
  size_t DrawToken(size_t feature) {
    const auto size = static_cast<double>(tokens_[feature]);
    const double u = std::uniform_real_distribution<double>()(random_);
    return std::min(static_cast<size_t>(std::pow(size, u)) - 1, tokens_[feature] - 1);
  }

  void AddNumber(size_t i) {
    ++numbers_;
    AddFeature(absl::StrCat("n", i), model::FeatureKind::kNumeric);
    snapshot_.encodings.push_back({.numeric = {.mean = 0, .scale = 1, .low = -4, .high = 4, .edges = {}},
                                   .vocabulary = {},
                                   .embedding = {},
                                   .statistics = {}});
  }

  void AddTokens(size_t i, size_t dim) {
    const auto count = static_cast<size_t>(kFewestTokens * std::pow(growth_, static_cast<double>(i)));
    tokens_.push_back(count);
    AddFeature(absl::StrCat("c", i), model::FeatureKind::kCategorical);
    std::vector<uint64_t> hashes;
    for (size_t t = 0; t < count; ++t) hashes.push_back(data::TokenHash(Token(i, t)));
    const model::VocabularySlots& slots = slots_.emplace_back(model::BuildVocabulary(hashes));
    std::vector<float>& values = tables_.emplace_back((count + model::kFirstTokenId) * dim);
    for (float& value : values) value = 0.5f * Number();
    snapshot_.encodings.push_back(
        {.numeric = {},
         .vocabulary = model::Vocabulary(slots.keys, slots.ids),
         .embedding = {.rows = count + model::kFirstTokenId, .dim = dim, .values = values},
         .statistics = {}});
  }

  void AddFeature(const std::string& name, model::FeatureKind kind) {
    model::Feature feature;
    feature.name = name;
    feature.kind = kind;
    feature.role = model::FeatureRole::kCandidate;
    snapshot_.schema.features.push_back(feature);
  }

  void AddGoldenRows() {
    for (size_t i = 0; i < numbers_ * kGoldenRows; ++i) golden_numeric_.push_back(Number());
    for (size_t i = 0; i < tokens_.size(); ++i) {
      for (size_t r = 0; r < kGoldenRows; ++r) {
        golden_tokens_.push_back(data::TokenHash(Token(i, DrawToken(i))));
      }
    }
    snapshot_.golden.rows = kGoldenRows;
    snapshot_.golden.context.rows = kGoldenRows;
    snapshot_.golden.candidates.rows = kGoldenRows;
    snapshot_.golden.candidates.numeric = golden_numeric_;
    snapshot_.golden.candidates.categorical = golden_tokens_;
    golden_probabilities_.resize(kGoldenRows);
    model::ReferenceScore(snapshot_, snapshot_.golden.context, snapshot_.golden.candidates,
                          golden_probabilities_.data());
    snapshot_.golden.probabilities = golden_probabilities_;
  }

  const Network network_;
  std::mt19937_64 random_;
  const double growth_;  // of the tokens, from one categorical feature to the next
  size_t numbers_ = 0;
  std::vector<size_t> tokens_;  // of each categorical feature
  // What the snapshot's spans point to.
  std::deque<model::VocabularySlots> slots_;
  std::deque<std::vector<float>> tables_;
  std::vector<float> golden_numeric_;
  std::vector<uint64_t> golden_tokens_;
  std::vector<float> golden_probabilities_;
  model::Snapshot snapshot_;
};

int Main(int argc, char** argv) {
  const int64_t version = argc > 4 ? model::ParseVersion(argv[4]).value_or(0) : 1;
  const size_t most_tokens = argc > 5 ? std::strtoul(argv[5], nullptr, 10) : kMostTokens;
  if (argc < 4 || argc > 6 || version == 0 || most_tokens < kFewestTokens) {
    std::fprintf(
        stderr,
        "usage: make_bench_model SHAPE MODEL_ROOT NAME [VERSION [TOKENS]]\n"
        "Publishes version 1, or VERSION, of NAME, such as 429-400-400-400-1, with random weights that are\n"
        "others for each version, and writes impressions for it to MODEL_ROOT/NAME.csv. TOKENS: of the\n"
        "largest vocabulary [26000].\n");
    return 2;
  }
  const std::string root = argv[2];
  const std::string name = argv[3];
  BenchModel model(argv[1], kSeed + static_cast<uint64_t>(version) - 1, most_tokens);
  const std::filesystem::path target = model::VersionDirectory(root, name, version);
  const std::filesystem::path temporary = std::filesystem::path(root) / name / ".tmp-1";
  std::filesystem::create_directories(temporary);
  const absl::Status status =
      model::WriteSnapshot(model.snapshot(), temporary / std::string(model::kSnapshotFile));
  if (!status.ok()) {
    std::fprintf(stderr, "make_bench_model: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  std::filesystem::rename(temporary, target);
  model.WriteCsv(absl::StrCat(root, "/", name, ".csv"), kImpressionRows);
  return 0;
}

}  // namespace
}  // namespace adscore::bench

int main(int argc, char** argv) { return adscore::bench::Main(argc, argv); }

#include "tests/model/tiny_snapshot.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>

#include "data/cell.h"
#include "model/cross.h"
#include "model/model.h"
#include "model/model_root.h"

namespace adscore::model::testing {
namespace {

constexpr size_t kTokens = 10;
constexpr size_t kDim = 3;

// Steele, Lea, Flood (2014): SplitMix64.
uint64_t NextRandom(uint64_t* state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// In [-1, 1).
float NextFloat(uint64_t* state) {
  return static_cast<float>(static_cast<double>(NextRandom(state) >> 11) * 0x1p-52 - 1.0);
}

Feature MakeFeature(const char* name, FeatureKind kind, FeatureRole role) {
  Feature feature;
  feature.name = name;
  feature.kind = kind;
  feature.role = role;
  return feature;
}

uint64_t RandomToken(uint64_t* state) {
  // Tokens 10 and 11 are in no vocabulary.
  static constexpr const char* kPrefixes[] = {"site", "ad", "tag"};
  return data::TokenHash(kPrefixes[NextRandom(state) % 3] +
                         std::to_string(NextRandom(state) % (kTokens + 2)));
}

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

}  // namespace

RandomColumns::RandomColumns(const Schema& schema, FeatureRole role, size_t rows, uint64_t seed) {
  const RoleCounts counts = schema.Count(role);
  uint64_t state = seed;
  for (size_t i = 0; i < counts.numeric * rows; ++i) {
    const bool missing = NextRandom(&state) % 8 == 0;
    numeric.push_back(missing ? std::numeric_limits<float>::quiet_NaN() : 12 + 12 * NextFloat(&state));
  }
  for (size_t i = 0; i < counts.categorical * rows; ++i) {
    categorical.push_back(NextRandom(&state) % 8 == 0 ? 0 : RandomToken(&state));
  }
  for (size_t i = 0; i < counts.multi * rows; ++i) {
    multi_count.push_back(static_cast<uint32_t>(NextRandom(&state) % 4));
    for (uint32_t v = 0; v < multi_count.back(); ++v) multi.push_back(RandomToken(&state));
  }
  columns = {.rows = rows,
             .numeric = numeric,
             .categorical = categorical,
             .multi_count = multi_count,
             .multi = multi};
}

TinySnapshot::TinySnapshot(const TinyOptions& options) : state_(options.seed) {
  snapshot_.members = options.members;
  const size_t dim = kDim * options.members;
  std::vector<Feature>& features = snapshot_.schema.features;
  if (options.context) {
    features.push_back(MakeFeature("hour", FeatureKind::kNumeric, FeatureRole::kContext));
    features.push_back(MakeFeature("site", FeatureKind::kCategorical, FeatureRole::kContext));
    features.push_back(MakeFeature("interests", FeatureKind::kMultiCategorical, FeatureRole::kContext));
  }
  features.push_back(MakeFeature("bid", FeatureKind::kNumeric, FeatureRole::kCandidate));
  features.back().transform = NumericTransform::kSignedLog1p;
  features.push_back(MakeFeature("ad", FeatureKind::kCategorical, FeatureRole::kCandidate));
  features.push_back(MakeFeature("tags", FeatureKind::kMultiCategorical, FeatureRole::kCandidate));

  for (const Feature& feature : features) {
    FeatureEncoding encoding;
    EmbeddingTable& table = encoding.embedding;
    if (feature.name == "hour") {
      encoding.numeric = {.mean = 12, .scale = 0.25f, .low = 0, .high = 24, .edges = {6, 12, 18}};
      table = {.rows = 5, .dim = dim, .values = Random(5 * dim, 1)};
    } else if (feature.kind == FeatureKind::kNumeric) {
      encoding.numeric = {.mean = 2, .scale = 1, .low = 0, .high = 4, .edges = {}};
    } else {
      const std::string prefix = feature.name == "site" ? "site" : feature.name == "ad" ? "ad" : "tag";
      std::vector<uint64_t> tokens;
      for (size_t i = 0; i < kTokens; ++i) tokens.push_back(data::TokenHash(prefix + std::to_string(i)));
      // In place of a token, so that the shapes stay; of the unknown ones some have no bucket.
      if (options.buckets) tokens[kTokens / 2] = BucketToken(0);
      const VocabularySlots& slots = vocabularies_.emplace_back(BuildVocabulary(tokens));
      encoding.vocabulary = Vocabulary(slots.keys, slots.ids, options.buckets ? 2 : 0);
      // The last two tokens are too rare for an embedding of their own; multi-valued ones have no statistics.
      const bool counted = feature.kind == FeatureKind::kCategorical;
      table = {.rows = kTokens + (counted ? 0 : 2), .dim = dim, .values = {}};
      table.values = Random(table.rows * dim, 1);
      if (counted)
        encoding.statistics = {.rows = kTokens + 2, .dim = 2, .values = Random((kTokens + 2) * 2, 1)};
    }
    encoding.numeric.flag = options.flags;
    snapshot_.encodings.push_back(encoding);
  }

  if (options.crosses) AddCrosses(dim);

  std::vector<size_t> outputs = options.hidden;
  outputs.push_back(options.heads.size());
  for (size_t member = 0; member < options.members; ++member) {
    size_t inputs = snapshot_.ContextWidth() + snapshot_.CandidateWidth();
    for (const size_t width : outputs) {
      const float scale = 1.5f / std::sqrt(static_cast<float>(inputs));
      snapshot_.layers.push_back({.inputs = inputs,
                                  .outputs = width,
                                  .weights = Random(inputs * width, scale),
                                  .bias = Random(width, 0.1f)});
      inputs = width;
    }
    for (size_t i = 0; i < options.hidden.size() && !options.activations.empty(); ++i) {
      snapshot_.layers[member * outputs.size() + i].activation =
          options.activations[i % options.activations.size()];
    }
  }
  for (const std::string& name : options.heads) {
    snapshot_.heads.push_back({.name = name,
                               .label = {.column = name, .positive = ""},
                               .base_rate = 0.25,
                               .calibrator = {.slope = 0.9f, .offset = -0.1f}});
    if (options.bent)
      snapshot_.heads.back().calibrator.knots = {{-1.5f, -2}, {-0.5f, -0.75f}, {-0.25f, 0.5f}, {1, 0.625f}};
    if (options.chained && snapshot_.heads.size() > 1)
      snapshot_.heads.back().after = snapshot_.heads.size() - 2;
  }
  snapshot_.provenance = {.trainer = "tests",
                          .created_at = 1'700'000'000,
                          .training_rows = 100,
                          .seed = options.seed,
                          .parent_version = 3,
                          .training_from = 1'690'000'000,
                          .training_to = 1'699'999'999};

  GoldenRows& golden = snapshot_.golden;
  golden.rows = options.golden_rows;
  for (const FeatureRole role : {FeatureRole::kContext, FeatureRole::kCandidate}) {
    RandomColumns random(snapshot_.schema, role, golden.rows, options.seed + 7);
    const size_t i = static_cast<size_t>(role);
    golden_numeric_[i] = random.numeric;
    golden_categorical_[i] = random.categorical;
    golden_count_[i] = random.multi_count;
    golden_multi_[i] = random.multi;
    (role == FeatureRole::kContext ? golden.context : golden.candidates) = {
        .rows = golden.rows,
        .numeric = golden_numeric_[i],
        .categorical = golden_categorical_[i],
        .multi_count = golden_count_[i],
        .multi = golden_multi_[i]};
  }
  RefreshGoldenRows();
}

// Every second pair of known values has an embedding.
void TinySnapshot::AddCrosses(size_t dim) {
  Schema& schema = snapshot_.schema;
  const auto index = [&schema](const char* name) {
    return static_cast<size_t>(schema.Find(name) - schema.features.data());
  };
  const auto values = [](const Feature& feature) {
    std::vector<uint64_t> known;
    for (size_t i = 0; i < kTokens; ++i) {
      const std::string prefix = feature.name == "site" ? "site" : feature.name == "ad" ? "ad" : "tag";
      known.push_back(feature.kind == FeatureKind::kNumeric ? kFirstBinId + i % 4
                                                            : data::TokenHash(prefix + std::to_string(i)));
    }
    return known;
  };
  using enum CrossKind;
  std::vector<Cross> crosses = {{kProduct, index("ad"), index("tags")}};
  if (schema.Find("site") != nullptr) {
    crosses.push_back({kProduct, index("site"), index("ad")});
    crosses.push_back({kProduct, index("interests"), index("ad")});
    crosses.push_back({kProduct, index("ad"), index("hour")});
    crosses.push_back({kProduct, index("hour"), index("site")});
    crosses.push_back({kProduct, index("site"), index("interests")});
    crosses.push_back({kProduct, index("tags"), index("site")});
    crosses.push_back({kMatch, index("interests"), index("tags")});
    crosses.push_back({kMatch, index("site"), index("interests")});
  }
  for (const Cross& cross : crosses) {
    schema.crosses.push_back(cross);
    std::vector<uint64_t> tokens;
    if (cross.kind == kMatch) {
      tokens = {kNoMatchToken, kMatchToken};
    } else {
      bool take = false;
      for (const uint64_t a : values(schema.features[cross.first])) {
        for (const uint64_t b : values(schema.features[cross.second])) {
          const uint64_t token = ProductToken(a, b);
          const bool known = std::find(tokens.begin(), tokens.end(), token) != tokens.end();
          if (take && !known) tokens.push_back(token);
          take = !take;
        }
      }
    }
    const VocabularySlots& slots = vocabularies_.emplace_back(BuildVocabulary(tokens));
    const size_t rows = tokens.size() + 2;
    FeatureEncoding& encoding = snapshot_.encodings.emplace_back();
    encoding.vocabulary = Vocabulary(slots.keys, slots.ids);
    encoding.embedding = {.rows = rows, .dim = dim, .values = Random(rows * dim, 1)};
    encoding.statistics = {.rows = rows, .dim = 2, .values = Random(rows * 2, 1)};
  }
}

std::span<const float> TinySnapshot::Random(size_t count, float scale) {
  std::vector<float>& values = floats_.emplace_back(count);
  for (float& value : values) value = scale * NextFloat(&state_);
  return values;
}

void TinySnapshot::RefreshGoldenRows() {
  GoldenRows& golden = snapshot_.golden;
  golden_probabilities_.resize(golden.rows * snapshot_.heads.size());
  ReferenceScore(snapshot_, golden.context, golden.candidates, golden_probabilities_.data());
  golden.probabilities = golden_probabilities_;
}

void TinySnapshot::Publish(const std::string& root, const std::string& name, int64_t version) const {
  const std::string target = VersionDirectory(root, name, version);
  const std::string temporary = root + "/" + name + "/.tmp-" + std::to_string(version);
  std::filesystem::create_directories(temporary);
  const absl::Status status = WriteSnapshot(snapshot_, temporary + "/" + std::string(kSnapshotFile));
  if (!status.ok()) Die(std::string(status.message()));
  std::filesystem::rename(temporary, target);
}

}  // namespace adscore::model::testing

// The forward pass against the reference, for every kernel set and for every shape of model.
#include "model/model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "model/single_rows.h"
#include "tests/model/tiny_snapshot.h"

namespace adscore::model {
namespace {

using testing::RandomColumns;
using testing::TinyOptions;
using testing::TinySnapshot;

constexpr float kTolerance = 2e-6f;  // probabilities; a few roundings of logits of magnitude 1 to 10

class ModelTest : public ::testing::TestWithParam<const KernelSet*> {
 protected:
  // One impression with `rows` candidates, scored by the model, against the reference that sees the context
  // repeated.
  void ExpectAgreement(const TinyOptions& options, size_t rows) {
    const TinySnapshot tiny(options);
    const Schema& schema = tiny.snapshot().schema;
    const Model model(tiny.snapshot(), *GetParam());
    const RandomColumns context(schema, FeatureRole::kContext, 1, 3);
    const RandomColumns candidates(schema, FeatureRole::kCandidate, rows, 4);
    const Impression impression = {context.columns, candidates.columns};
    ScoreScratch scratch;
    std::vector<float> probabilities(rows * model.heads());
    model.Score({&impression, 1}, &scratch, probabilities.data());

    RawColumns repeated = context.columns;
    std::vector<float> numeric;
    std::vector<uint64_t> categorical;
    std::vector<uint32_t> multi_count;
    std::vector<uint64_t> multi;
    const RoleCounts counts = schema.Count(FeatureRole::kContext);
    size_t at = 0;
    for (size_t f = 0; f < counts.numeric; ++f) numeric.insert(numeric.end(), rows, context.numeric[f]);
    for (size_t f = 0; f < counts.categorical; ++f)
      categorical.insert(categorical.end(), rows, context.categorical[f]);
    for (size_t f = 0; f < counts.multi; ++f) {
      multi_count.insert(multi_count.end(), rows, context.multi_count[f]);
      for (size_t r = 0; r < rows; ++r) {
        multi.insert(multi.end(), context.multi.begin() + at,
                     context.multi.begin() + at + context.multi_count[f]);
      }
      at += context.multi_count[f];
    }
    repeated = {rows, numeric, categorical, multi_count, multi};
    std::vector<float> expected(probabilities.size());
    ReferenceScore(tiny.snapshot(), repeated, candidates.columns, expected.data());
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR(probabilities[i], expected[i], kTolerance) << "value " << i << " of " << rows << " rows";
    }
  }
};

TEST_P(ModelTest, AgreesWithTheReferenceForAnyNumberOfCandidates) {
  for (const size_t rows : {1, 2, 6, 7, 127, 128, 129, 300}) ExpectAgreement({}, rows);
}

TEST_P(ModelTest, AgreesWithoutContextFeatures) { ExpectAgreement({.context = false}, 20); }

TEST_P(ModelTest, AgreesWithoutHiddenLayers) {
  ExpectAgreement({.hidden = {}}, 20);
  ExpectAgreement({.context = false, .hidden = {}}, 20);
}

TEST_P(ModelTest, AnEnsembleAgreesWithTheReference) {
  for (const size_t rows : {1, 7, 129}) ExpectAgreement({.members = 3}, rows);
  ExpectAgreement({.members = 2, .context = false}, 20);
  ExpectAgreement({.members = 2, .hidden = {}}, 20);
}

TEST_P(ModelTest, AgreesWithCrossesOfEveryKindAndRole) {
  for (const size_t rows : {1, 7, 129, 300}) ExpectAgreement({.crosses = true}, rows);
  ExpectAgreement({.context = false, .crosses = true}, 20);
  ExpectAgreement({.crosses = true, .hidden = {}}, 20);
  ExpectAgreement({.members = 3, .crosses = true}, 140);
}

TEST_P(ModelTest, AgreesWithTheReferenceWhereTokensAreTakenForBuckets) {
  for (const size_t rows : {1, 129}) ExpectAgreement({.crosses = true, .buckets = true}, rows);
}

TEST_P(ModelTest, AgreesWithEveryActivation) {
  for (size_t k = 1; k < kActivationKinds; ++k) {
    const auto kind = static_cast<ActivationKind>(k);
    const Activation activation = {kind, HasAlpha(kind) ? 0.2f : 0.0f};
    ExpectAgreement({.activations = {activation}}, 20);
    ExpectAgreement({.members = 2, .context = false, .hidden = {5, 5}, .activations = {{}, activation}}, 20);
  }
}

TEST_P(ModelTest, AgreesWithoutFlagsForMissingNumbers) {
  ExpectAgreement({.flags = false}, 20);
  ExpectAgreement({.members = 2, .hidden = {}, .flags = false}, 20);
}

TEST_P(ModelTest, AgreesWithBentCalibrators) {
  ExpectAgreement({.bent = true}, 150);
  ExpectAgreement({.members = 2, .heads = {"click"}, .bent = true}, 20);
}

TEST_P(ModelTest, AgreesWhereHeadsFollowOthers) {
  ExpectAgreement({.heads = {"click", "conversion", "return"}, .chained = true}, 150);
  ExpectAgreement({.members = 2, .bent = true, .chained = true}, 20);
}

TEST_P(ModelTest, AHeadThatFollowsAnotherIsTheirProduct) {
  TinySnapshot tiny({.heads = {"visit", "click", "conversion"}});
  const auto probabilities = [&] {
    tiny.RefreshGoldenRows();
    EXPECT_LE(Model(tiny.snapshot(), *GetParam()).GoldenError(), kTolerance);
    const std::span<const float> of = tiny.snapshot().golden.probabilities;
    return std::vector<float>(of.begin(), of.end());
  };
  const std::vector<float> alone = probabilities();
  tiny.mutable_snapshot().heads[1].after = 0;
  tiny.mutable_snapshot().heads[2].after = 1;
  const std::vector<float> chained = probabilities();
  for (size_t row = 0; row < alone.size(); row += 3) {
    EXPECT_EQ(chained[row], alone[row]);
    EXPECT_NEAR(chained[row + 1], alone[row] * alone[row + 1], kTolerance);
    EXPECT_NEAR(chained[row + 2], alone[row] * alone[row + 1] * alone[row + 2], kTolerance);
  }
}

TEST_P(ModelTest, OneHeadsCurveIsNotTheOthers) {
  TinySnapshot tiny({.bent = true});
  tiny.mutable_snapshot().heads[0].calibrator.knots.clear();
  tiny.RefreshGoldenRows();
  EXPECT_LE(Model(tiny.snapshot(), *GetParam()).GoldenError(), kTolerance);
}

TEST_P(ModelTest, AgreesWithOddWidthsAndOneHead) {
  ExpectAgreement({.hidden = {37, 1, 19}, .heads = {"click"}}, 20);
}

TEST_P(ModelTest, ARowsResultDoesNotDependOnTheBatch) {
  const TinySnapshot tiny({.crosses = true,
                           .hidden = {8, 4, 7},
                           .activations = {{}, {ActivationKind::kGelu}, {ActivationKind::kTanh}}});
  const Schema& schema = tiny.snapshot().schema;
  const Model model(tiny.snapshot(), *GetParam());
  std::vector<std::unique_ptr<RandomColumns>> storage;
  std::vector<Impression> impressions;
  size_t rows = 0;
  for (size_t i = 0; i < 60; ++i) {
    storage.push_back(std::make_unique<RandomColumns>(schema, FeatureRole::kContext, 1, 100 + i));
    const RawColumns context = storage.back()->columns;
    storage.push_back(std::make_unique<RandomColumns>(schema, FeatureRole::kCandidate, 1 + i % 9, 200 + i));
    impressions.push_back({context, storage.back()->columns});
    rows += 1 + i % 9;
  }
  ScoreScratch scratch;
  std::vector<float> together(rows * model.heads());
  model.Score(impressions, &scratch, together.data());
  size_t at = 0;
  for (const Impression& impression : impressions) {
    std::vector<float> alone(impression.candidates.rows * model.heads());
    ScoreScratch fresh;
    model.Score({&impression, 1}, &fresh, alone.data());
    for (const float p : alone) ASSERT_EQ(p, together[at++]);
  }
  EXPECT_EQ(at, together.size());
}

TEST_P(ModelTest, GoldenRowsReplayWithinTolerance) {
  const TinySnapshot tiny({.crosses = true});
  EXPECT_LE(Model(tiny.snapshot(), *GetParam()).GoldenError(), kTolerance);
}

TEST_P(ModelTest, AWeightThatChangedAfterTheGoldenRowsWereMadeShowsUpInThem) {
  TinySnapshot tiny;
  std::vector<float> bias(tiny.snapshot().layers.back().bias.begin(),
                          tiny.snapshot().layers.back().bias.end());
  bias[0] += 0.1f;
  tiny.mutable_snapshot().layers.back().bias = bias;
  EXPECT_GT(Model(tiny.snapshot(), *GetParam()).GoldenError(), 1e-3f);
}

INSTANTIATE_TEST_SUITE_P(EverySetOfThisMachine, ModelTest,
                         ::testing::ValuesIn(AvailableKernelSets(Precision::kF32)),
                         [](const auto& set) { return std::string(set.param->name); });

TEST(ForwardPassTest, ManyRowsComeOutAsEachAlone) {
  const TinySnapshot tiny;
  const std::vector<Layer>& layers = tiny.snapshot().layers;
  constexpr size_t kRows = 600, kContext = 3, kImpressions = 7;
  for (const Precision precision : {Precision::kF32, Precision::kBf16, Precision::kInt8}) {
    const ForwardPass pass(layers, kContext, *AvailableKernelSets(precision).front());
    const size_t width = layers.front().inputs - kContext;
    std::vector<float> x(kRows * width);
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 7 % 41) / 20 - 1;
    std::vector<uint32_t> impression_of_row(kRows);
    for (size_t r = 0; r < kRows; ++r) impression_of_row[r] = static_cast<uint32_t>(r * kImpressions / kRows);
    ForwardScratch scratch;
    AlignedFloats share(kImpressions * pass.share_stride());
    pass.ShareContexts(x.data(), kContext, kImpressions, &scratch, share.data());
    std::vector<float> together(kRows * pass.heads());
    pass.Run(x.data(), width, kRows, share.data(), impression_of_row.data(), &scratch, together.data());
    for (size_t r = 0; r < kRows; ++r) {
      std::vector<float> alone(pass.heads());
      pass.Run(x.data() + r * width, width, 1, share.data(), &impression_of_row[r], &scratch, alone.data());
      for (size_t h = 0; h < alone.size(); ++h) ASSERT_EQ(alone[h], together[r * pass.heads() + h]) << r;
    }
  }
}

TEST(ReferenceScoreTest, OneNumberAndOneTokenByHand) {
  // p = sigmoid(2 * (w · [z, missing, embedding] + b) + 1), z = (3 - 1) * 0.5 = 1.
  Snapshot snapshot;
  snapshot.schema.features.resize(2);
  snapshot.schema.features[0].name = "bid";
  snapshot.schema.features[1].name = "ad";
  snapshot.schema.features[1].kind = FeatureKind::kCategorical;
  const std::vector<float> embedding = {0, 0.25f, 0.5f};  // missing, unknown, token 77
  const std::vector<uint64_t> tokens = {77};
  const VocabularySlots slots = BuildVocabulary(tokens);
  snapshot.encodings.resize(2);
  snapshot.encodings[0].numeric = {.mean = 1, .scale = 0.5f, .low = -10, .high = 10, .edges = {}};
  snapshot.encodings[1].vocabulary = Vocabulary(slots.keys, slots.ids);
  snapshot.encodings[1].embedding = {.rows = 3, .dim = 1, .values = embedding};
  const std::vector<float> weights = {1, -3, 4};
  const std::vector<float> bias = {-1};
  snapshot.layers = {{.inputs = 3, .outputs = 1, .weights = weights, .bias = bias}};
  snapshot.heads = {
      {.name = "click", .label = {}, .base_rate = 0.5, .calibrator = {.slope = 2, .offset = 1}}};
  ASSERT_TRUE(Validate(snapshot).ok()) << Validate(snapshot);

  const std::vector<float> numeric = {3, std::nanf("")};
  const std::vector<uint64_t> categorical = {77, 5};
  const RawColumns candidates = {
      .rows = 2, .numeric = numeric, .categorical = categorical, .multi_count = {}, .multi = {}};
  std::vector<float> p(2);
  ReferenceScore(snapshot, {.rows = 2, .numeric = {}, .categorical = {}, .multi_count = {}, .multi = {}},
                 candidates, p.data());
  EXPECT_FLOAT_EQ(p[0], static_cast<float>(1 / (1 + std::exp(-(2 * (1 + 4 * 0.5 - 1) + 1.0)))));
  EXPECT_FLOAT_EQ(p[1], static_cast<float>(1 / (1 + std::exp(-(2 * (-3 + 4 * 0.25 - 1) + 1.0)))));
}

}  // namespace
}  // namespace adscore::model

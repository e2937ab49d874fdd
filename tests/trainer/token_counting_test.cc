// Vocabularies that would grow too large: the frequent tokens by themselves, the others in buckets, in
// training as in serving, and when it goes on from there.
#include "trainer/token_counting.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "model/model.h"
#include "tests/trainer/cli_fixture.h"
#include "trainer/encoded_rows.h"
#include "trainer/fit.h"

namespace adscore::trainer {
namespace {

using ::testing::HasSubstr;

// A click depends on whether the token is even; small tokens are frequent, and most of 3,000 are rare.
Dataset LongTail(size_t rows, uint64_t seed) {
  Dataset data;
  data.schema.features = {{"n", model::FeatureKind::kNumeric}, {"t", model::FeatureKind::kCategorical}};
  data.rows = rows;
  data.columns.resize(2);
  data.labels.resize(1);
  Random random(seed);
  for (size_t row = 0; row < rows; ++row) {
    const double u = random.Uniform();
    const auto token = static_cast<uint64_t>(3000 * u * u * u);
    data.columns[0].numeric.push_back(static_cast<float>(random.Normal()));
    data.columns[1].tokens.push_back(token == 0 ? 0 : token);
    data.labels[0].push_back(random.Uniform() < (token % 2 == 0 ? 0.5 : 0.1));
  }
  return data;
}

EncoderOptions Limited(size_t max_vocabulary) {
  EncoderOptions options;
  options.max_vocabulary = max_vocabulary;
  return options;
}

constexpr size_t kToken = 1;  // the categorical feature

TEST(TokenCounting, TheFrequentestHaveEntriesAndTheOthersBuckets) {
  const Dataset data = LongTail(20'000, 1);
  std::map<uint64_t, size_t> rows_of;
  for (const uint64_t token : data.columns[kToken].tokens) ++rows_of[token];
  const FittedEncoders fitted = FitEncoders(data, AllRows(data), Limited(100)).value();
  const model::FeatureEncoding& encoding = fitted.encodings[kToken];
  ASSERT_EQ(encoding.vocabulary.buckets(), 50U);
  EXPECT_EQ(encoding.statistics.rows, model::kFirstTokenId + 100 + 50);
  EXPECT_EQ(encoding.embedding.rows, encoding.statistics.rows) << "each bucket has enough rows for one";
  size_t least = data.rows;  // rows of a token with an entry
  size_t most = 0;           // of one without
  std::map<uint32_t, size_t> rows_of_bucket;
  for (const auto& [token, rows] : rows_of) {
    if (token == 0) continue;
    const bool own = encoding.vocabulary.Contains(token);
    if (own) least = std::min(least, rows);
    if (!own) most = std::max(most, rows);
    if (!own) rows_of_bucket[encoding.vocabulary.Lookup(token)] += rows;
  }
  EXPECT_GE(least, most);
  ASSERT_EQ(rows_of_bucket.size(), 50U);
  for (const auto& [id, rows] : rows_of_bucket) {
    EXPECT_NEAR(std::expm1(4 * encoding.statistics.Row(id)[1]), static_cast<double>(rows), 0.01 * rows)
        << "a bucket's count is that of all of its tokens";
  }
  EXPECT_NE(encoding.vocabulary.Lookup(4711), model::kUnknownId) << "what was never seen has a bucket, too";
}

// Of the tokens of `data`, with room for so many.
uint64_t Buckets(const Dataset& data, size_t max_vocabulary) {
  return FitEncoders(data, AllRows(data), Limited(max_vocabulary))
      .value()
      .encodings[kToken]
      .vocabulary.buckets();
}

TEST(TokenCounting, AVocabularyThatFitsHasNoBuckets) {
  const Dataset data = LongTail(20'000, 1);
  const FittedEncoders all = FitEncoders(data, AllRows(data), {}).value();
  const size_t tokens = all.encodings[kToken].statistics.rows - model::kFirstTokenId;
  EXPECT_EQ(all.encodings[kToken].vocabulary.buckets(), 0U);
  EXPECT_EQ(Buckets(data, tokens), 0U);
  EXPECT_EQ(Buckets(data, tokens - 1), (tokens - 1) / 2);
}

TEST(TokenCounting, TheSchemaSaysItOfOneFeature) {
  Dataset data = LongTail(5'000, 1);
  data.schema.features[kToken].max_vocabulary = 40;
  EXPECT_EQ(Buckets(data, 1'000'000), 20U);
}

TEST(TokenCounting, ManyPassesGiveTheSameVocabulary) {
  const Dataset data = LongTail(20'000, 2);
  EncoderOptions options = Limited(50);  // so that most tokens are let go on the way
  const FittedEncoders once = FitEncoders(data, AllRows(data), options).value();
  options.counted_at_once = 97;
  const FittedEncoders often = FitEncoders(data, AllRows(data), options).value();
  EXPECT_EQ(once.slots[kToken].keys, often.slots[kToken].keys);
  EXPECT_EQ(once.slots[kToken].ids, often.slots[kToken].ids);
}

TEST(TokenCounting, BucketsWithTooFewRowsShareTheUnknownsEmbedding) {
  const Dataset data = LongTail(20'000, 3);
  EncoderOptions options = Limited(400);
  options.minimum_count = 50;
  const FittedEncoders fitted = FitEncoders(data, AllRows(data), options).value();
  const model::FeatureEncoding& encoding = fitted.encodings[kToken];
  ASSERT_EQ(encoding.vocabulary.buckets(), 200U);
  std::map<bool, size_t> buckets;  // by whether they have an embedding
  for (uint64_t bucket = 0; bucket < 200; ++bucket) {
    const uint32_t id = encoding.vocabulary.Lookup(model::BucketToken(bucket));
    ++buckets[encoding.EmbeddingId(id) != model::kUnknownId];
  }
  EXPECT_GT(buckets[true], 0U);
  EXPECT_GT(buckets[false], 0U);
}

FitOptions SmallFit() {
  FitOptions options;
  options.labels = {{"click", ""}};
  options.encoders.max_vocabulary = 100;
  options.training.hidden = {8};
  options.training.epochs = 2;
  return options;
}

const auto kQuietly = [](const TrainingProgress&) {};

TEST(TokenCounting, TheServedModelTakesTokensForTheSameBuckets) {
  const Dataset data = LongTail(6'000, 4);
  const FittedModel fitted = FitModel(data, SmallFit(), kQuietly).value();
  const model::Snapshot& snapshot = fitted.model->snapshot();
  ASSERT_GT(snapshot.encodings[kToken].vocabulary.buckets(), 0U);
  EXPECT_TRUE(model::Validate(snapshot).ok());
  for (const model::KernelSet* kernels : model::AvailableKernelSets(model::Precision::kF32)) {
    EXPECT_LT(model::Model(snapshot, *kernels).GoldenError(), 1e-5F) << kernels->name;
  }
  EXPECT_GT(*fitted.validation[0].auc, 0.6);
}

TEST(TokenCounting, AWarmStartKeepsTheBucketsAndWhatTheyLearnt) {
  const Dataset data = LongTail(20'000, 5);
  const FittedModel before = FitModel(data, SmallFit(), kQuietly).value();
  const model::FeatureEncoding& old = before.model->snapshot().encodings[kToken];
  const WarmStart start = WarmStart::From(before.model->snapshot()).value();
  EncoderOptions options = Limited(1000);  // room for all that the buckets hold
  options.warm_start = &start;
  const Dataset newer = LongTail(20'000, 6);
  const FittedEncoders after = FitEncoders(newer, AllRows(newer), options).value();
  const model::FeatureEncoding& encoding = after.encodings[kToken];
  EXPECT_EQ(encoding.vocabulary.buckets(), old.vocabulary.buckets());
  for (uint64_t bucket = 0; bucket < old.vocabulary.buckets(); ++bucket) {
    const uint32_t id = encoding.vocabulary.Lookup(model::BucketToken(bucket));
    EXPECT_EQ(after.previous_ids[kToken][encoding.EmbeddingId(id)],
              old.vocabulary.Lookup(model::BucketToken(bucket)));
  }
  EXPECT_GT(encoding.statistics.rows, old.statistics.rows) << "frequent new tokens get entries";

  options.max_vocabulary = 50;
  const FittedEncoders fewer = FitEncoders(newer, AllRows(newer), options).value();
  const model::FeatureEncoding& smaller = fewer.encodings[kToken];
  EXPECT_EQ(smaller.statistics.rows, model::kFirstTokenId + 50 + 50)
      << "less frequent ones go to the buckets";
  double rows = 0;
  for (uint32_t id = 0; id < smaller.statistics.rows; ++id)
    rows += std::expm1(4 * smaller.statistics.Row(id)[1]);
  EXPECT_NEAR(rows, 20'000 + WarmStart::kKept * before.training_rows, 400) << "with what was counted of them";
}

class CliVocabularyTest : public CliTest {};

TEST_F(CliVocabularyTest, BucketsAreFittedShownAndGoneOnFrom) {
  const std::string log = Generated(4000);
  const Outcome fit = RunCommand(Fit(log, {"--max-vocabulary", "8", "--epochs", "1", "--hidden", "8"}));
  ASSERT_EQ(fit.code, 0) << fit.err;
  const std::string version = directory_.path() + "/M/m/1";
  EXPECT_THAT(RunCommand({"inspect", version}).out, HasSubstr("with 4 hashed buckets"));
  EXPECT_EQ(nlohmann::json::parse(ReadFile(version + "/manifest.json"))["options"]["max_vocabulary"], 8);
  EXPECT_EQ(RunCommand(Evaluate(log)).code, 0);
  const Outcome went_on = RunCommand(Fit(log, {"--warm-start", "latest", "--epochs", "1"}));
  ASSERT_EQ(went_on.code, 0) << went_on.err;
  EXPECT_THAT(RunCommand({"inspect", directory_.path() + "/M/m/2"}).out, HasSubstr("with 4 hashed buckets"));
  ExpectBadUsage(RunCommand(Fit(log, {"--max-vocabulary", "0"})), {"--max-vocabulary"});
}

}  // namespace
}  // namespace adscore::trainer

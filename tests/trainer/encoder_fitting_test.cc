#include "trainer/encoder_fitting.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/trainer/test_data.h"

namespace adscore::trainer {
namespace {

Dataset OneNumber(std::vector<float> values) {
  Dataset data;
  data.schema.features = {{"n", model::FeatureKind::kNumeric}};
  data.rows = values.size();
  data.columns.resize(1);
  data.columns[0].numeric = std::move(values);
  return data;
}

Dataset OneToken(std::vector<uint64_t> tokens) {
  Dataset data;
  data.schema.features = {{"t", model::FeatureKind::kCategorical}};
  data.rows = tokens.size();
  data.columns.resize(1);
  data.columns[0].tokens = std::move(tokens);
  return data;
}

TEST(EncoderFitting, NumbersComeOutWithMeanZeroAndDeviationOne) {
  std::vector<float> values;
  for (int i = 0; i < 1000; ++i)
    values.push_back(1e6F + static_cast<float>(i));  // far from 0: hard on naive sums
  const Dataset data = OneNumber(values);
  const FittedEncoders fitted = FitEncoders(data, AllRows(data), {}).value();
  double sum = 0;
  double squares = 0;
  for (const float value : values) {
    const double z = model::EncodeNumber(data.schema.features[0], fitted.encodings[0].numeric, value).value;
    sum += z;
    squares += z * z;
  }
  EXPECT_NEAR(sum / 1000, 0, 1e-3);
  EXPECT_NEAR(squares / 1000, 1, 1e-3);
}

TEST(EncoderFitting, BinsHoldAlikeManyRowsAndAFrequentValueMakesOne) {
  std::vector<float> values(500, 0.0F);
  for (int i = 1; i <= 500; ++i) values.push_back(static_cast<float>(i));
  const Dataset data = OneNumber(values);
  EncoderOptions options;
  options.bins = 10;
  const std::vector<float> edges =
      FitEncoders(data, AllRows(data), options).value().encodings[0].numeric.edges;
  ASSERT_EQ(edges.size(), 5U);  // zeros, then five bins of 100
  EXPECT_TRUE(std::is_sorted(edges.begin(), edges.end()));
  EXPECT_GT(edges.front(), 0);
}

TEST(EncoderFitting, OneMistypedAmountDoesNotStretchTheScale) {
  std::vector<float> values;
  for (int i = 0; i < 5000; ++i) values.push_back(static_cast<float>(i % 100));
  values.push_back(1e30F);
  const Dataset data = OneNumber(values);
  const model::NumericEncoding encoding = FitEncoders(data, AllRows(data), {}).value().encodings[0].numeric;
  EXPECT_LE(encoding.high, 99);
  EXPECT_NEAR(1 / encoding.scale, 28.9, 0.5);
}

TEST(EncoderFitting, ConstantAndMissingColumnsStayFinite) {
  for (const float value : {3.0F, std::numeric_limits<float>::quiet_NaN()}) {
    const Dataset data = OneNumber(std::vector<float>(100, value));
    const model::NumericEncoding encoding = FitEncoders(data, AllRows(data), {}).value().encodings[0].numeric;
    EXPECT_TRUE(std::isfinite(encoding.mean));
    EXPECT_EQ(encoding.scale, 1);
    EXPECT_TRUE(encoding.edges.empty());
  }
}

TEST(EncoderFitting, RareAndUnseenTokensShareTheUnknownId) {
  std::vector<uint64_t> tokens(20, 11);
  tokens.insert(tokens.end(), 10, 22);
  tokens.insert(tokens.end(), 9, 33);  // one too few
  tokens.push_back(0);
  const Dataset data = OneToken(tokens);
  const FittedEncoders fitted = FitEncoders(data, AllRows(data), {}).value();
  const model::Vocabulary& vocabulary = fitted.encodings[0].vocabulary;
  EXPECT_EQ(vocabulary.Lookup(11), model::kFirstTokenId);  // the most frequent first
  EXPECT_EQ(vocabulary.Lookup(22), model::kFirstTokenId + 1);
  // Known for its statistics, too rare for an embedding of its own.
  EXPECT_EQ(vocabulary.Lookup(33), model::kFirstTokenId + 2);
  EXPECT_EQ(fitted.encodings[0].EmbeddingId(model::kFirstTokenId + 2), model::kUnknownId);
  EXPECT_EQ(vocabulary.Lookup(44), model::kUnknownId);
  EXPECT_EQ(vocabulary.Lookup(0), model::kMissingId);
  EXPECT_EQ(fitted.encodings[0].embedding.rows, 4U);
}

TEST(EncoderFitting, TokensOfASingleRowAreKnownUnlessThereAreTooMany) {
  const Dataset data = OneToken({11, 11, 22, 33, 44});
  EncoderOptions options;
  for (const size_t counted_at_once : {100, 2}) {
    options.counted_at_once = counted_at_once;
    options.most_single_tokens = 3;
    const FittedEncoders known = FitEncoders(data, AllRows(data), options).value();
    EXPECT_EQ(known.encodings[0].statistics.rows, model::kFirstTokenId + 4);
    options.most_single_tokens = 2;
    const FittedEncoders fewer = FitEncoders(data, AllRows(data), options).value();
    EXPECT_EQ(fewer.encodings[0].statistics.rows, model::kFirstTokenId + 1);
    EXPECT_NE(fewer.encodings[0].vocabulary.Lookup(11), model::kUnknownId);
    EXPECT_EQ(fewer.encodings[0].vocabulary.Lookup(22), model::kUnknownId);
  }
}

TEST(EncoderFitting, LooksAtTrainingRowsOnly) {
  std::vector<uint64_t> tokens(50, 11);
  tokens.insert(tokens.end(), 50, 22);
  const Dataset data = OneToken(tokens);
  std::vector<uint32_t> training = AllRows(data);
  training.resize(50);
  EXPECT_EQ(FitEncoders(data, training, {}).value().encodings[0].vocabulary.Lookup(22), model::kUnknownId);
}

}  // namespace
}  // namespace adscore::trainer

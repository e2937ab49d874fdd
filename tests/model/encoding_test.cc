#include "model/encoding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace adscore::model {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

NumericEncoding Encoding() { return {.mean = 2, .scale = 0.5f, .low = 0, .high = 4, .edges = {1, 2, 3}}; }

TEST(EncodeNumberTest, StandardisesAndClamps) {
  const Feature feature;
  EXPECT_FLOAT_EQ(EncodeNumber(feature, Encoding(), 3).value, 0.5f);
  EXPECT_FLOAT_EQ(EncodeNumber(feature, Encoding(), 1e30f).value, 1.0f);
  EXPECT_FLOAT_EQ(EncodeNumber(feature, Encoding(), -1e30f).value, -1.0f);
  EXPECT_EQ(EncodeNumber(feature, Encoding(), 3).missing, 0.0f);
}

TEST(EncodeNumberTest, SignedLog1pIsOddAndTransformsBeforeTheClamp) {
  Feature feature;
  feature.transform = NumericTransform::kSignedLog1p;
  const NumericEncoding plain = {.mean = 0, .scale = 1, .low = -100, .high = 100, .edges = {}};
  EXPECT_FLOAT_EQ(EncodeNumber(feature, plain, std::exp(3.0f) - 1).value, 3.0f);
  EXPECT_FLOAT_EQ(EncodeNumber(feature, plain, 1 - std::exp(3.0f)).value, -3.0f);
}

TEST(EncodeNumberTest, BinsAreHalfOpenAndCountTheEdgesBelow) {
  const Feature feature;
  EXPECT_EQ(EncodeNumber(feature, Encoding(), 0.5f).bin, kFirstBinId);
  EXPECT_EQ(EncodeNumber(feature, Encoding(), 1).bin, kFirstBinId + 1)
      << "an edge belongs to the bin above it";
  EXPECT_EQ(EncodeNumber(feature, Encoding(), 2.5f).bin, kFirstBinId + 2);
  EXPECT_EQ(EncodeNumber(feature, Encoding(), 1e9f).bin, kFirstBinId + 3);
}

TEST(EncodeNumberTest, SignedLog1pIsTheFloatNearestToTheLogarithm) {
  Feature feature;
  feature.transform = NumericTransform::kSignedLog1p;
  const NumericEncoding encoding = {.mean = 0, .scale = 1, .low = -200, .high = 200, .edges = {}};
  for (float x = 1e-42F; x < 1e38F; x *= 1.013F) {
    const double expected = std::log1p(static_cast<double>(x));
    EXPECT_NEAR(EncodeNumber(feature, encoding, x).value, expected, 6e-8 * expected + 1e-45) << x;
  }
}

TEST(EncodeNumberTest, ALogarithmBelongsAboveItsEdgeWhicheverLibraryTookTheEdges) {
  Feature feature;
  feature.transform = NumericTransform::kSignedLog1p;
  for (int x = 1; x < 30'000; ++x) {
    const auto value = static_cast<float>(x);
    for (const float edge : {std::log1p(value), static_cast<float>(std::log1p(double{value})),
                             std::nextafter(std::log1p(value), 99.0F)}) {
      for (const float sign : {1.0F, -1.0F}) {
        const NumericEncoding encoding = {
            .mean = 0, .scale = 1, .low = -200, .high = 200, .edges = {sign * edge}};
        EXPECT_EQ(EncodeNumber(feature, encoding, sign * value).bin, kFirstBinId + 1) << sign * value;
        EXPECT_EQ(EncodeNumber(feature, encoding, sign * value - 1).bin, kFirstBinId) << sign * value;
      }
    }
  }
}

TEST(EncodeNumberTest, FindsTheBinAmongAnyNumberOfEdges) {
  const Feature feature;
  std::vector<float> edges;
  for (size_t count = 0; count <= 70; ++count) {
    NumericEncoding encoding = {.mean = 0, .scale = 1, .low = -200, .high = 200, .edges = edges};
    for (float x = -1; x < 72; x += 0.25F) {
      const auto above = std::upper_bound(edges.begin(), edges.end(), x) - edges.begin();
      EXPECT_EQ(EncodeNumber(feature, encoding, x).bin, kFirstBinId + static_cast<uint32_t>(above))
          << x << " among " << count;
    }
    edges.push_back(static_cast<float>(count));
  }
}

TEST(EncodeNumberTest, MissingFollowsItsRuleAndIsFlagged) {
  Feature feature;
  const EncodedNumber mean = EncodeNumber(feature, Encoding(), kNaN);
  EXPECT_EQ(mean.value, 0.0f);
  EXPECT_EQ(mean.missing, 1.0f);
  EXPECT_EQ(mean.bin, kMissingId);
  feature.missing = MissingRule::kZero;
  const EncodedNumber zero = EncodeNumber(feature, Encoding(), kNaN);
  EXPECT_EQ(zero.value, -1.0f) << "the number 0, standardised";
  EXPECT_EQ(zero.missing, 1.0f);
  EXPECT_EQ(zero.bin, kMissingId);
  feature.missing = MissingRule::kRefuse;
  EXPECT_TRUE(std::isnan(EncodeNumber(feature, Encoding(), kNaN).value));
}

TEST(EncodeNumberTest, ANumberTakesOneInputLessWithoutItsFlag) {
  FeatureEncoding encoding;
  EXPECT_EQ(InputWidth(Feature{}, encoding, 1), 2u);
  encoding.numeric.flag = false;
  EXPECT_EQ(InputWidth(Feature{}, encoding, 1), 1u);
}

TEST(VocabularyTest, FindsEveryTokenAndNothingElse) {
  std::vector<uint64_t> tokens;
  for (uint64_t i = 1; i <= 1000; ++i) tokens.push_back(i * 1024);  // the same low bits: all collide
  const VocabularySlots slots = BuildVocabulary(tokens);
  const Vocabulary vocabulary(slots.keys, slots.ids);
  EXPECT_GE(slots.keys.size(), 2 * tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) EXPECT_EQ(vocabulary.Lookup(tokens[i]), kFirstTokenId + i);
  EXPECT_EQ(vocabulary.Lookup(5), kUnknownId);
  EXPECT_EQ(vocabulary.Lookup(1024 * 5000), kUnknownId);
  EXPECT_EQ(vocabulary.Lookup(0), kMissingId);
}

TEST(VocabularyTest, WhatItLacksIsTakenForItsBucket) {
  std::vector<uint64_t> tokens = {100, 201, 302};
  for (const uint64_t bucket : {0, 2, 3}) tokens.push_back(BucketToken(bucket));  // no token fell into 1
  const VocabularySlots slots = BuildVocabulary(tokens);
  const Vocabulary vocabulary(slots.keys, slots.ids, /*buckets=*/4);
  EXPECT_EQ(vocabulary.Lookup(201), kFirstTokenId + 1) << "it has an entry, and its bucket has none";
  EXPECT_EQ(vocabulary.Lookup(400), kFirstTokenId + 3);
  EXPECT_EQ(vocabulary.Lookup(402), kFirstTokenId + 4);
  EXPECT_EQ(vocabulary.Lookup(UINT64_MAX), kFirstTokenId + 5);
  EXPECT_EQ(vocabulary.Lookup(401), kUnknownId);
  EXPECT_EQ(vocabulary.Lookup(0), kMissingId);
  EXPECT_TRUE(vocabulary.Contains(201));
  EXPECT_FALSE(vocabulary.Contains(400));
}

TEST(VocabularyTest, AnEmptyOneKnowsMissingFromUnknown) {
  const Vocabulary vocabulary;
  EXPECT_EQ(vocabulary.Lookup(0), kMissingId);
  EXPECT_EQ(vocabulary.Lookup(7), kUnknownId);
}

}  // namespace
}  // namespace adscore::model

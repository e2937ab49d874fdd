#include "model/cross.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "data/cell.h"

namespace adscore::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Values = std::vector<uint64_t>;

Values Tokens(CrossKind kind, bool list, const Values& first, const Values& second) {
  Values tokens = {99};  // what was there before is forgotten
  CrossTokens(kind, list, first, second, &tokens);
  return tokens;
}

TEST(CrossTest, AProductIsTheHashOfBothValuesAsTheFormatSays) {
  const uint64_t values[2] = {0x0123456789abcdef, 42};
  std::string bytes(16, '\0');
  std::memcpy(bytes.data(), values, 16);
  EXPECT_EQ(ProductToken(values[0], values[1]), data::TokenHash(bytes));
  EXPECT_NE(ProductToken(values[0], values[1]), ProductToken(values[1], values[0]));
  EXPECT_EQ(ProductToken(0, 42), 0U);
  EXPECT_EQ(ProductToken(42, 0), 0U);
}

TEST(CrossTest, AProductHasEachPairInOrder) {
  EXPECT_THAT(Tokens(CrossKind::kProduct, false, {3}, {4}), ElementsAre(ProductToken(3, 4)));
  EXPECT_THAT(Tokens(CrossKind::kProduct, true, {3, 5}, {4}),
              ElementsAre(ProductToken(3, 4), ProductToken(5, 4)));
  EXPECT_THAT(Tokens(CrossKind::kProduct, true, {4}, {3, 5}),
              ElementsAre(ProductToken(4, 3), ProductToken(4, 5)));
}

TEST(CrossTest, AProductIsMissingIfEitherIs) {
  EXPECT_THAT(Tokens(CrossKind::kProduct, false, {0}, {4}), ElementsAre(0));
  EXPECT_THAT(Tokens(CrossKind::kProduct, true, {}, {4}), IsEmpty());
  EXPECT_THAT(Tokens(CrossKind::kProduct, true, {3, 5}, {0}), IsEmpty());
}

TEST(CrossTest, AMatchSaysWhetherAnyValueIsInBoth) {
  EXPECT_THAT(Tokens(CrossKind::kMatch, false, {3, 5, 7}, {5}), ElementsAre(kMatchToken));
  EXPECT_THAT(Tokens(CrossKind::kMatch, false, {3, 5, 7}, {6}), ElementsAre(kNoMatchToken));
  EXPECT_THAT(Tokens(CrossKind::kMatch, false, {3, 5}, {9, 8, 3}), ElementsAre(kMatchToken));
  EXPECT_THAT(Tokens(CrossKind::kMatch, false, {}, {5}), ElementsAre(0));
  EXPECT_THAT(Tokens(CrossKind::kMatch, false, {3}, {0}), ElementsAre(0));
  EXPECT_THAT(Tokens(CrossKind::kMatch, false, {0}, {0}), ElementsAre(0)) << "two gaps are not alike";
}

TEST(CrossTest, OfALongListTheFirstValuesTakePart) {
  Values many;
  for (uint64_t i = 1; i <= kMostCrossedValues + 9; ++i) many.push_back(i);
  EXPECT_THAT(Tokens(CrossKind::kProduct, true, many, {4}), SizeIs(kMostCrossedValues));
  EXPECT_THAT(Tokens(CrossKind::kMatch, false, many, {kMostCrossedValues}), ElementsAre(kMatchToken));
  EXPECT_THAT(Tokens(CrossKind::kMatch, false, {kMostCrossedValues + 1}, many), ElementsAre(kNoMatchToken));
}

class CrossOfSchemaTest : public ::testing::Test {
 protected:
  // The features' indices.
  enum : size_t { kHour, kSite, kInterests, kAd, kTags };
  CrossOfSchemaTest() {
    const auto add = [this](const char* name, FeatureKind kind, FeatureRole role) {
      schema_.features.push_back({.name = name, .kind = kind, .role = role});
    };
    add("hour", FeatureKind::kNumeric, FeatureRole::kContext);
    add("site", FeatureKind::kCategorical, FeatureRole::kContext);
    add("interests", FeatureKind::kMultiCategorical, FeatureRole::kContext);
    add("ad", FeatureKind::kCategorical, FeatureRole::kCandidate);
    add("tags", FeatureKind::kMultiCategorical, FeatureRole::kCandidate);
  }
  std::string Refusal(const Cross& cross) const { return std::string(CheckCross(schema_, cross).message()); }

  Schema schema_;
};

TEST_F(CrossOfSchemaTest, IsAFeatureOfTheKindAndRoleThatItsFeaturesGiveIt) {
  const Feature site_ad = FeatureOf(schema_, {CrossKind::kProduct, kSite, kAd});
  EXPECT_EQ(site_ad.name, "cross(site,ad)");
  EXPECT_EQ(site_ad.kind, FeatureKind::kCategorical);
  EXPECT_EQ(site_ad.role, FeatureRole::kCandidate);
  const Feature hour_site = FeatureOf(schema_, {CrossKind::kProduct, kHour, kSite});
  EXPECT_EQ(hour_site.kind, FeatureKind::kCategorical);
  EXPECT_EQ(hour_site.role, FeatureRole::kContext);
  EXPECT_EQ(FeatureOf(schema_, {CrossKind::kProduct, kInterests, kAd}).kind, FeatureKind::kMultiCategorical);
  const Feature match = FeatureOf(schema_, {CrossKind::kMatch, kInterests, kAd});
  EXPECT_EQ(match.name, "match(interests,ad)");
  EXPECT_EQ(match.kind, FeatureKind::kCategorical);
}

TEST_F(CrossOfSchemaTest, WhatCanNotBeIsRefusedByName) {
  EXPECT_TRUE(CheckCross(schema_, {CrossKind::kMatch, kInterests, kTags}).ok());
  EXPECT_TRUE(CheckCross(schema_, {CrossKind::kProduct, kHour, kTags}).ok());
  EXPECT_THAT(Refusal({CrossKind::kProduct, kSite, kSite}), HasSubstr("two different features"));
  EXPECT_THAT(Refusal({CrossKind::kProduct, kSite, 5}), HasSubstr("not there"));
  EXPECT_THAT(Refusal({CrossKind::kProduct, kInterests, kTags}), HasSubstr("both are lists"));
  EXPECT_THAT(Refusal({CrossKind::kMatch, kSite, kHour}), HasSubstr("match(site,hour)"));
  schema_.crosses = {{CrossKind::kProduct, kSite, kAd}, {CrossKind::kMatch, kSite, kAd}};
  EXPECT_TRUE(CheckCrosses(schema_).ok());
  schema_.crosses.push_back(schema_.crosses[0]);
  EXPECT_THAT(std::string(CheckCrosses(schema_).message()), HasSubstr("cross(site,ad) appears twice"));
  schema_.crosses.resize(kMostCrosses + 1);
  EXPECT_THAT(std::string(CheckCrosses(schema_).message()), HasSubstr("1001 crosses"));
}

}  // namespace
}  // namespace adscore::model

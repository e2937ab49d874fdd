#include "client/impression_builder.h"

#include <cmath>
#include <limits>
#include <string>

#include "client/model_schema.h"
#include "data/cell.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace adscore::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::GetModelResponse Described() {
  v1::GetModelResponse model;
  model.set_model("ads");
  model.set_version(3);
  model.set_schema_fingerprint(0xabc);
  const auto add = [&](const char* name, v1::Feature::Kind kind, v1::Feature::Role role,
                       const char* delimiter = "") {
    v1::Feature* feature = model.add_features();
    feature->set_name(name);
    feature->set_kind(kind);
    feature->set_role(role);
    feature->set_delimiter(delimiter);
  };
  add("bid", v1::Feature::KIND_NUMERIC, v1::Feature::ROLE_CANDIDATE);
  add("hour", v1::Feature::KIND_NUMERIC, v1::Feature::ROLE_CONTEXT);
  add("ad", v1::Feature::KIND_CATEGORICAL, v1::Feature::ROLE_CANDIDATE);
  add("site", v1::Feature::KIND_CATEGORICAL, v1::Feature::ROLE_CONTEXT);
  add("size", v1::Feature::KIND_NUMERIC, v1::Feature::ROLE_CANDIDATE);
  add("tags", v1::Feature::KIND_MULTI_CATEGORICAL, v1::Feature::ROLE_CANDIDATE, "|");
  add("interests", v1::Feature::KIND_MULTI_CATEGORICAL, v1::Feature::ROLE_CONTEXT, ",");
  model.add_heads()->set_name("click");
  return model;
}

class ImpressionBuilderTest : public ::testing::Test {
 protected:
  const v1::PackedFeatures& Build() {
    const absl::Status status = builder_.Build(&request_);
    EXPECT_TRUE(status.ok()) << status;
    return request_.packed();
  }

  const ModelSchema schema_ = *ModelSchema::FromModel(Described());
  ImpressionBuilder builder_{schema_};
  v1::PredictRequest request_;
};

TEST_F(ImpressionBuilderTest, ContextTravelsOnceAndCandidatesColumnByColumn) {
  builder_.Reset(2);
  builder_.SetContext("hour", "13");
  builder_.SetContext("site", "news");
  builder_.SetCandidate("bid", 0, "0.5");
  builder_.SetCandidate("bid", 1, "0.25");
  builder_.SetCandidate("size", 0, 300);
  builder_.SetCandidate("size", 1, 728);
  builder_.SetCandidate("ad", 0, "a1");
  builder_.SetCandidate("ad", 1, "a2");
  const v1::PackedFeatures& packed = Build();
  EXPECT_EQ(request_.candidate_count(), 2u);
  EXPECT_EQ(packed.schema_fingerprint(), 0xabcu);
  EXPECT_THAT(packed.context().numeric(), ElementsAre(13.0f));
  EXPECT_THAT(packed.context().categorical(), ElementsAre(data::TokenHash("news")));
  EXPECT_THAT(packed.candidates().numeric(), ElementsAre(0.5f, 0.25f, 300.0f, 728.0f));
  EXPECT_THAT(packed.candidates().categorical(), ElementsAre(data::TokenHash("a1"), data::TokenHash("a2")));
}

TEST_F(ImpressionBuilderTest, WhatIsNotSetIsMissing) {
  builder_.Reset(1);
  const v1::PackedFeatures& packed = Build();
  ASSERT_EQ(packed.candidates().numeric_size(), 2);
  EXPECT_TRUE(std::isnan(packed.candidates().numeric(0)));
  EXPECT_THAT(packed.candidates().categorical(), ElementsAre(0u));
  EXPECT_THAT(packed.candidates().multi_count(), ElementsAre(0u));
  EXPECT_EQ(packed.candidates().multi_size(), 0);
}

TEST_F(ImpressionBuilderTest, ANewImpressionForgetsTheLastOne) {
  builder_.Reset(2);
  builder_.SetCandidate("ad", 1, "a2");
  builder_.SetCandidate("tags", 1, "x|y");
  builder_.SetContext("hour", 5);
  builder_.Reset(1);
  const v1::PackedFeatures& packed = Build();
  EXPECT_TRUE(std::isnan(packed.context().numeric(0)));
  EXPECT_THAT(packed.candidates().categorical(), ElementsAre(0u));
  EXPECT_THAT(packed.candidates().multi_count(), ElementsAre(0u));
}

TEST_F(ImpressionBuilderTest, CellsThatAreNoNumbersAreMissingNumbers) {
  for (const char* cell : {"", "NA", "twelve", "1e999", "inf", "12x"}) {
    builder_.Reset(1);
    builder_.SetContext("hour", cell);
    EXPECT_TRUE(std::isnan(Build().context().numeric(0))) << cell;
  }
  builder_.Reset(1);
  builder_.SetContext("hour", std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(Build().context().numeric(0)));
}

TEST_F(ImpressionBuilderTest, TokensAreTakenAsTheyAreAndOnlyEmptyOnesAreMissing) {
  builder_.Reset(3);
  builder_.SetCandidate("ad", 0, " a1");
  builder_.SetCandidate("ad", 1, "NA");
  builder_.SetCandidate("ad", 2, "");
  EXPECT_THAT(Build().candidates().categorical(),
              ElementsAre(data::TokenHash(" a1"), data::TokenHash("NA"), 0u));
}

TEST_F(ImpressionBuilderTest, MultiValuedCellsAreSplitAtTheirDelimiterAndEmptyPiecesAreDropped) {
  builder_.Reset(3);
  builder_.SetCandidate("tags", 0, "|x||y,z|");
  builder_.SetCandidate("tags", 2, "w");
  builder_.SetContext("interests", "cars, golf");
  const v1::PackedFeatures& packed = Build();
  EXPECT_THAT(packed.candidates().multi_count(), ElementsAre(2u, 0u, 1u));
  EXPECT_THAT(packed.candidates().multi(),
              ElementsAre(data::TokenHash("x"), data::TokenHash("y,z"), data::TokenHash("w")));
  EXPECT_THAT(packed.context().multi(), ElementsAre(data::TokenHash("cars"), data::TokenHash(" golf")));
}

TEST_F(ImpressionBuilderTest, AnUnknownNameIsRefusedWithTheNamesThereAre) {
  builder_.SetContext("huor", "13");
  const absl::Status status = builder_.Build(&request_);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("no feature 'huor'"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("hour, site, interests"));
}

TEST_F(ImpressionBuilderTest, AFeatureOfTheOtherRoleIsRefused) {
  builder_.SetContext("bid", 0.5);
  EXPECT_THAT(std::string(builder_.Build(&request_).message()),
              HasSubstr("'bid' of model 'ads' is a candidate"));
}

TEST_F(ImpressionBuilderTest, ACandidateThatIsNotThereIsRefused) {
  builder_.Reset(2);
  builder_.SetCandidate("bid", 2, 0.5);
  EXPECT_THAT(std::string(builder_.Build(&request_).message()),
              HasSubstr("candidate 2 of an impression with 2"));
}

TEST_F(ImpressionBuilderTest, ANumberForACategoricalFeatureIsRefused) {
  builder_.SetContext("site", 4);
  EXPECT_THAT(std::string(builder_.Build(&request_).message()), HasSubstr("'site' is categorical"));
}

TEST_F(ImpressionBuilderTest, AnImpressionWithoutCandidatesIsRefused) {
  builder_.Reset(0);
  EXPECT_EQ(builder_.Build(&request_).code(), absl::StatusCode::kInvalidArgument);
}

// What the wire contract promises to callers in other languages: XXH3-64 with seed 0.
TEST(TokenHash, HasTheValuesOfTheContract) {
  EXPECT_EQ(data::TokenHash(""), 0u);
  EXPECT_EQ(data::TokenHash("a"), 0xe6c632b61e964e1fu);
  EXPECT_EQ(data::TokenHash("abc"), 0x78af5f94892f3950u);
}

TEST(ModelSchema, AKindOfAFutureServerIsRefusedByName) {
  v1::GetModelResponse model = Described();
  model.mutable_features(0)->set_kind(static_cast<v1::Feature::Kind>(9));
  const absl::StatusOr<ModelSchema> schema = ModelSchema::FromModel(model);
  EXPECT_EQ(schema.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(schema.status().message()), HasSubstr("'bid'"));
}

}  // namespace
}  // namespace adscore::client

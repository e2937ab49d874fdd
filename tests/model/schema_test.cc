#include "model/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace adscore::model {
namespace {

using ::testing::HasSubstr;

Schema Sample() {
  Schema schema;
  schema.features = {
      {"hour", FeatureKind::kNumeric, FeatureRole::kContext, NumericTransform::kIdentity, MissingRule::kZero,
       '|'},
      {"price", FeatureKind::kNumeric, FeatureRole::kCandidate, NumericTransform::kSignedLog1p,
       MissingRule::kMean, '|'},
      {"ad", FeatureKind::kCategorical, FeatureRole::kCandidate, {}, {}, '|'},
      {"tags", FeatureKind::kMultiCategorical, FeatureRole::kCandidate, {}, {}, ';'},
  };
  return schema;
}

TEST(SchemaTest, JsonRoundTripKeepsEverything) {
  const absl::StatusOr<Schema> read = SchemaFromJson(SchemaToJson(Sample()));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, Sample());
}

TEST(SchemaTest, CrossesAreReadBackByTheNamesOfTheirFeaturesAndNoRequestKnowsThem) {
  Schema schema = Sample();
  schema.crosses = {{CrossKind::kProduct, 0, 2}, {CrossKind::kMatch, 3, 2}};
  const std::string json = SchemaToJson(schema);
  EXPECT_THAT(json, HasSubstr("\"first\": \"hour\""));
  const absl::StatusOr<Schema> read = SchemaFromJson(json);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, schema);
  EXPECT_EQ(Fingerprint(schema), Fingerprint(Sample()));
  EXPECT_EQ(SchemaToJson(Sample()).find("crosses"), std::string::npos);
}

TEST(SchemaTest, CountsFeaturesByRoleAndKind) {
  const RoleCounts candidate = Sample().Count(FeatureRole::kCandidate);
  EXPECT_EQ(candidate.numeric, 1u);
  EXPECT_EQ(candidate.categorical, 1u);
  EXPECT_EQ(candidate.multi, 1u);
  EXPECT_EQ(Sample().Count(FeatureRole::kContext).numeric, 1u);
  EXPECT_EQ(Sample().Find("tags")->delimiter, ';');
  EXPECT_EQ(Sample().Find("nothing"), nullptr);
}

TEST(SchemaTest, FingerprintChangesWithTheWireLayoutOnly) {
  const uint64_t fingerprint = Fingerprint(Sample());
  Schema schema = Sample();
  schema.features[1].transform = NumericTransform::kIdentity;
  schema.features[0].missing = MissingRule::kMean;
  EXPECT_EQ(Fingerprint(schema), fingerprint);

  schema = Sample();
  schema.features[2].name = "ads";
  EXPECT_NE(Fingerprint(schema), fingerprint) << "name";
  schema = Sample();
  schema.features[2].kind = FeatureKind::kNumeric;
  EXPECT_NE(Fingerprint(schema), fingerprint) << "kind";
  schema = Sample();
  schema.features[2].role = FeatureRole::kContext;
  EXPECT_NE(Fingerprint(schema), fingerprint) << "role";
  schema = Sample();
  std::swap(schema.features[0], schema.features[1]);
  EXPECT_NE(Fingerprint(schema), fingerprint) << "order";
}

struct Wrong {
  const char* json;
  const char* message;
};

TEST(SchemaTest, WrongSchemasAreRefusedAndTheMessageSaysWhere) {
  for (const auto& [json, message] : {
           Wrong{"{", "not valid JSON"},
           Wrong{"[]", "\"features\""},
           Wrong{R"({"features": []})", "no features"},
           Wrong{R"({"features": [{}]})", "features[0] has no name"},
           Wrong{R"({"features": [3]})", "features[0] is not an object"},
           Wrong{R"({"features": [{"name": "a"}], "labels": []})", "unknown key 'labels'"},
           Wrong{R"({"features": [{"name": "a", "size": "3"}]})", "unknown key 'size'"},
           Wrong{R"({"features": [{"name": 3}]})", "features[0].name is not a string"},
           Wrong{R"({"features": [{"name": "a", "kind": "text"}]})",
                 "known: numeric, categorical, multi_categorical"},
           Wrong{R"({"features": [{"name": "a", "delimiter": "||"}]})", "one byte"},
           Wrong{R"({"features": [{"name": "a", "kind": "categorical", "max_vocabulary": 0}]})",
                 "features[0].max_vocabulary must be a whole number from 1 to 1000000000, not 0"},
           Wrong{R"({"features": [{"name": "a", "kind": "categorical", "max_vocabulary": "9"}]})",
                 "not \"9\""},
           Wrong{R"({"features": [{"name": "a", "kind": "categorical", "max_vocabulary": 4294967297}]})",
                 "not 4294967297"},
           Wrong{R"({"features": [{"name": "a", "max_vocabulary": 9}]})", "is for features of the kinds"},
           Wrong{R"({"features": [{"name": "a"}], "crosses": {}})", "not a list"},
           Wrong{R"({"features": [{"name": "a"}], "crosses": ["a*b"]})", "crosses[0] is not an object"},
           Wrong{R"({"features": [{"name": "a"}], "crosses": [{"first": "a"}]})", "crosses[0] has no second"},
           Wrong{R"({"features": [{"name": "a"}], "crosses": [{"first": "b"}]})",
                 "crosses[0].first 'b' is not one of the features"},
           Wrong{R"({"features": [{"name": "a"}], "crosses": [{"first": 0}]})",
                 "crosses[0].first is not a string"},
           Wrong{R"({"features": [{"name": "a"}], "crosses": [{"kind": "sum"}]})", "known: product, match"},
           Wrong{R"({"features": [{"name": "a"}], "crosses": [{"third": "a"}]})", "unknown key 'third'"},
           Wrong{R"({"features": [{"name": "a"}], "crosses": [{"first": "a", "second": "a"}]})",
                 "cross(a,a) can't be"},
           Wrong{R"({"features": [{"name": "a"}, {"name": "a"}]})", "features[1].name 'a' appears twice"},
       }) {
    const absl::StatusOr<Schema> schema = SchemaFromJson(json);
    EXPECT_EQ(schema.status().code(), absl::StatusCode::kInvalidArgument) << json;
    EXPECT_THAT(std::string(schema.status().message()), HasSubstr(message));
  }
}

}  // namespace
}  // namespace adscore::model

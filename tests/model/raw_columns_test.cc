#include "model/raw_columns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "model/single_rows.h"
#include "tests/model/tiny_snapshot.h"

namespace adscore::model {
namespace {

using ::testing::HasSubstr;
using testing::RandomColumns;
using testing::TinySnapshot;

class CheckColumnsTest : public ::testing::Test {
 protected:
  TinySnapshot tiny_;
  const Schema& schema_ = tiny_.snapshot().schema;
  RandomColumns random_{schema_, FeatureRole::kCandidate, 5, 1};

  std::string Refusal() {
    const absl::Status status = CheckColumns(schema_, FeatureRole::kCandidate, random_.columns);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  }
};

TEST_F(CheckColumnsTest, TheRightShapePasses) {
  EXPECT_TRUE(CheckColumns(schema_, FeatureRole::kCandidate, random_.columns).ok());
}

TEST_F(CheckColumnsTest, AWrongNumberOfValuesIsRefusedWithBothNumbers) {
  random_.columns.numeric = random_.columns.numeric.first(4);
  EXPECT_THAT(Refusal(), HasSubstr("candidate: expected 5 numeric values (1 features x 5 rows), got 4"));
}

TEST_F(CheckColumnsTest, CountsThatDoNotAddUpAreRefused) {
  random_.multi.push_back(1);
  random_.columns.multi = random_.multi;
  EXPECT_THAT(Refusal(), HasSubstr("multi_count add up to"));
}

TEST_F(CheckColumnsTest, InfinityIsRefusedByFeatureAndRow) {
  random_.numeric[3] = -std::numeric_limits<float>::infinity();
  EXPECT_THAT(Refusal(), HasSubstr("candidate feature 'bid', row 3"));
}

TEST_F(CheckColumnsTest, AMissingNumberIsRefusedWhereTheModelHasNoAnswerWithoutIt) {
  Schema schema = schema_;
  schema.features[3].missing = MissingRule::kRefuse;
  random_.numeric = {1, 2, 3, 4, 5};
  random_.columns.numeric = random_.numeric;
  EXPECT_TRUE(CheckColumns(schema, FeatureRole::kCandidate, random_.columns).ok());
  random_.numeric[2] = std::numeric_limits<float>::quiet_NaN();
  const absl::Status status = CheckColumns(schema, FeatureRole::kCandidate, random_.columns);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("candidate feature 'bid', row 2: the number is missing"));
}

TEST(RawStorageTest, TheFirstRowsAreCopiedWithAllTheirValues) {
  const TinySnapshot tiny;
  const RandomColumns candidates(tiny.snapshot().schema, FeatureRole::kCandidate, 6, 2);
  RawStorage storage;
  for (const size_t rows : {size_t{6}, size_t{2}, size_t{4}}) {
    storage.CopyFirst(rows, candidates.columns);
    const RawColumns copied = storage.View(rows);
    ASSERT_TRUE(CheckColumns(tiny.snapshot().schema, FeatureRole::kCandidate, copied).ok());
    for (size_t r = 0; r < rows; ++r) {
      EXPECT_EQ(std::memcmp(&copied.numeric[r], &candidates.numeric[r], sizeof(float)), 0);
      EXPECT_EQ(copied.categorical[r], candidates.categorical[r]);
      EXPECT_EQ(copied.multi_count[r], candidates.multi_count[r]);
    }
    EXPECT_TRUE(std::equal(copied.multi.begin(), copied.multi.end(), candidates.multi.begin()));
  }
}

TEST(SingleRowsTest, RowsComeApartAsTheyWent) {
  const TinySnapshot tiny;
  const Schema& schema = tiny.snapshot().schema;
  const RandomColumns context(schema, FeatureRole::kContext, 6, 1);
  const RandomColumns candidates(schema, FeatureRole::kCandidate, 6, 2);
  SingleRows rows;
  const std::span<const Impression> impressions = rows.Split(schema, context.columns, candidates.columns);
  ASSERT_EQ(impressions.size(), 6u);
  size_t at = 0;
  for (size_t r = 0; r < impressions.size(); ++r) {
    const RawColumns& row = impressions[r].candidates;
    EXPECT_TRUE(CheckColumns(schema, FeatureRole::kCandidate, row).ok());
    EXPECT_TRUE(CheckColumns(schema, FeatureRole::kContext, impressions[r].context).ok());
    EXPECT_EQ(row.categorical[0], candidates.categorical[r]);
    EXPECT_EQ(impressions[r].context.categorical[0], context.categorical[r]);
    ASSERT_EQ(row.multi.size(), candidates.multi_count[r]);
    for (const uint64_t token : row.multi) EXPECT_EQ(token, candidates.multi[at++]);
  }
}

}  // namespace
}  // namespace adscore::model

#include "trainer/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "data/cell.h"
#include "tests/trainer/test_data.h"
#include "trainer/columns.h"
#include "trainer/dataset_reader.h"

namespace adscore::trainer {
namespace {

using data::TokenHash;
using model::Feature;
using model::FeatureKind;
using model::FeatureRole;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr std::string_view kLog =
    "click,amount,site,tags,hour,buy\n"
    "1,2.5,news,a|b,7,no\n"
    "0,,shop,,8,no\n"
    "0,NA,,b,9,yes\n"
    "1,huh,news,a|b|c,?,no\n";

model::Schema LogSchema() {
  return {.features = {Feature{.name = "tags", .kind = FeatureKind::kMultiCategorical},
                       Feature{.name = "amount"}, Feature{.name = "hour", .role = FeatureRole::kContext},
                       Feature{.name = "site", .kind = FeatureKind::kCategorical}}};
}

class DatasetTest : public testing::Test {
 protected:
  absl::StatusOr<Dataset> Read(std::string_view text, const std::string& label, bool labels_required = true) {
    return ReadDataset(directory_.File("log.csv", std::string(text)), data::Format::kAuto, LogSchema(),
                       ParseLabels(label).value(), labels_required, nullptr);
  }
  std::string ErrorOf(std::string_view text, const std::string& label) {
    const absl::StatusOr<Dataset> read = Read(text, label);
    EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(read.status().message());
  }

  TestDirectory directory_;
};

TEST_F(DatasetTest, ARowWithoutANumberThatMustBeThereIsRefusedByItsLine) {
  model::Schema schema = LogSchema();
  schema.features[1].missing = model::MissingRule::kRefuse;
  const absl::StatusOr<Dataset> read = ReadDataset(directory_.File("log.csv", std::string(kLog)),
                                                   data::Format::kAuto, schema, {}, false, nullptr);
  EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(read.status().message()), HasSubstr("log.csv:3: feature 'amount' is missing"));
}

TEST_F(DatasetTest, CellsBecomeNumbersTokensAndListsInSchemaOrder) {
  const Dataset data = Read(kLog, "click").value();
  ASSERT_EQ(data.rows, 4U);
  EXPECT_THAT(data.columns[0].multi_count, ElementsAre(2, 0, 1, 3));
  EXPECT_THAT(data.columns[0].multi_begin, ElementsAre(0, 2, 2, 3));
  EXPECT_THAT(data.columns[0].multi, ElementsAre(TokenHash("a"), TokenHash("b"), TokenHash("b"),
                                                 TokenHash("a"), TokenHash("b"), TokenHash("c")));
  EXPECT_EQ(data.columns[1].numeric[0], 2.5F);
  EXPECT_THAT(data.columns[3].tokens,
              ElementsAre(TokenHash("news"), TokenHash("shop"), data::kMissingToken, TokenHash("news")));
}

TEST_F(DatasetTest, MissingAndUnparsableCellsAreCounted) {
  const Dataset data = Read(kLog, "click").value();
  EXPECT_EQ(data.columns[0].missing, 1U);
  EXPECT_EQ(data.columns[1].missing, 3U);
  EXPECT_EQ(data.columns[1].unparsable, 1U) << "NA and the empty cell are missing; 'huh' is not a number";
  EXPECT_TRUE(std::isnan(data.columns[1].numeric[3]));
  EXPECT_EQ(data.columns[2].missing, 1U);
  EXPECT_EQ(data.columns[2].unparsable, 0U);
  EXPECT_EQ(data.columns[3].missing, 1U);
}

TEST_F(DatasetTest, EveryLabelHasItsOwnPositives) {
  const Dataset data = Read(kLog, "click,buy").value();
  EXPECT_THAT(data.labels, ElementsAre(ElementsAre(1, 0, 0, 1), ElementsAre(0, 0, 1, 0)));
  EXPECT_THAT(Read(kLog, "buy=no").value().labels, ElementsAre(ElementsAre(1, 1, 0, 1)));
}

TEST_F(DatasetTest, WithoutAnyLabelColumnOnlyFeaturesAreRead) {
  EXPECT_THAT(Read(kLog, "won,lost", false).value().labels, IsEmpty());
  EXPECT_THAT(ErrorOf(kLog, "won"), AllOf(HasSubstr("label 'won'"), HasSubstr("click, amount, site")));
  const absl::StatusOr<Dataset> half = Read(kLog, "click,lost", false);
  EXPECT_THAT(half.status().message(), HasSubstr("label 'lost'"));
}

TEST_F(DatasetTest, ALabelThatIsNeitherSaysLineCellAndWayOut) {
  EXPECT_THAT(ErrorOf("click,amount,site,tags,hour\n1,1,a,,1\n2,1,a,,1\n", "click"),
              AllOf(HasSubstr("log.csv:3"), HasSubstr("'click' is '2'"),
                    HasSubstr("'1' (1 row), '2' (1 row)"), HasSubstr("--label click=VALUE")));
  EXPECT_THAT(ErrorOf("click,amount,site,tags,hour\n,1,a,,1\n", "click"),
              AllOf(HasSubstr("log.csv:2"), HasSubstr("--label click=VALUE")));
}

TEST_F(DatasetTest, ALabelThatASnapshotDoesNotExpectIsNotBlamedOnAFlagThatEvaluateLacks) {
  const std::string message(
      Read("click,amount,site,tags,hour\nwon,1,a,,1\n", "click", false).status().message());
  EXPECT_THAT(message, AllOf(HasSubstr("log.csv:2"), HasSubstr("'won'"), HasSubstr("the snapshot"),
                             Not(HasSubstr("--label"))));
}

TEST_F(DatasetTest, AFeatureThatIsNotInTheFileIsNamedAndTheColumnsListed) {
  EXPECT_THAT(
      ErrorOf("click,amount,tags,hour\n1,1,,1\n", "click"),
      AllOf(HasSubstr("feature 'site'"), HasSubstr("log.csv"), HasSubstr("click, amount, tags, hour")));
}

TEST_F(DatasetTest, ALabelMayNotBeAFeature) {
  EXPECT_THAT(ErrorOf("amount,site,tags,hour\n1,a,,1\n", "amount"), HasSubstr("also a feature"));
}

TEST_F(DatasetTest, RaggedRowsAndNoRowsAreRefused) {
  EXPECT_THAT(ErrorOf("click,amount,site,tags,hour\n1,1,a,,1\n1,1\n", "click"), HasSubstr("log.csv:3"));
  EXPECT_THAT(ErrorOf("click,amount,site,tags,hour\n", "click"), HasSubstr("no rows"));
}

TEST_F(DatasetTest, ColumnsOfAnyLengthAreRightWhateverIsReservedForThem) {
  std::string text = "click,amount,site,tags,hour\n";
  const size_t rows = 40'000;
  for (size_t i = 0; i < rows; ++i) {
    // Rows get longer, so that the first ones say little about how many there are.
    text += "0," + std::to_string(i) + "," + std::string(i / 2000, 's') + "," + (i % 3 == 0 ? "a|b" : "") +
            ",1\n";
  }
  uint64_t last_progress = 0;
  const Dataset data = ReadDataset(directory_.File("log.csv", text), data::Format::kAuto, LogSchema(),
                                   ParseLabels("click").value(), true,
                                   [&](uint64_t so_far, uint64_t read, uint64_t total) {
                                     EXPECT_GT(so_far, last_progress);
                                     EXPECT_LE(read, total);
                                     last_progress = so_far;
                                   })
                           .value();
  EXPECT_EQ(last_progress, rows);
  EXPECT_EQ(data.rows, rows);
  EXPECT_EQ(data.columns[1].numeric[rows - 1], 39'999.0F);
  EXPECT_EQ(data.columns[3].tokens[rows - 1], TokenHash(std::string(19, 's')));
  EXPECT_THAT(data.columns[0].multi, SizeIs(2 * ((rows + 2) / 3)));
}

TEST_F(DatasetTest, ASliceIsWhatARequestWouldCarry) {
  const Dataset data = Read(kLog, "click").value();
  RawStorage storage;
  const model::RawColumns candidates = data.Slice(FeatureRole::kCandidate, 2, 2, &storage);
  EXPECT_TRUE(model::CheckColumns(data.schema, FeatureRole::kCandidate, candidates).ok());
  EXPECT_EQ(candidates.rows, 2U);
  EXPECT_THAT(candidates.categorical, ElementsAre(data::kMissingToken, TokenHash("news")));
  EXPECT_THAT(candidates.multi_count, ElementsAre(1, 3));
  EXPECT_THAT(candidates.multi, ElementsAre(TokenHash("b"), TokenHash("a"), TokenHash("b"), TokenHash("c")));
  const model::RawColumns context = data.Slice(FeatureRole::kContext, 0, 3, &storage);
  EXPECT_TRUE(model::CheckColumns(data.schema, FeatureRole::kContext, context).ok());
  EXPECT_THAT(context.numeric, ElementsAre(7, 8, 9));
  EXPECT_THAT(context.categorical, IsEmpty());
}

TEST_F(DatasetTest, GatherTakesRowsInTheOrderGiven) {
  const Dataset data = Read(kLog, "click").value();
  RawStorage storage;
  const std::vector<uint32_t> rows = {3, 0, 3};
  const model::RawColumns candidates = data.Gather(FeatureRole::kCandidate, rows, &storage);
  EXPECT_EQ(candidates.rows, 3U);
  EXPECT_THAT(candidates.multi_count, ElementsAre(3, 2, 3));
  EXPECT_THAT(candidates.multi, SizeIs(8));
  EXPECT_EQ(candidates.multi[3], TokenHash("a"));
  EXPECT_EQ(candidates.numeric[1], 2.5F);
}

TEST(ParseLabels, NamesAndPositives) {
  const std::vector<model::Label> labels = ParseLabels("click=yes, conversion").value();
  ASSERT_THAT(labels, SizeIs(2));
  EXPECT_EQ(labels[0], (model::Label{"click", "yes"}));
  EXPECT_EQ(labels[1], (model::Label{"conversion", ""}));
}

TEST(ParseLabels, RefusesEmptyAndRepeatedNames) {
  for (const char* flag : {"", ",", "click,", "=1", "click="}) EXPECT_FALSE(ParseLabels(flag).ok()) << flag;
  EXPECT_THAT(ParseLabels("click,click=2").status().message(), HasSubstr("'click' twice"));
}

TEST(IsPositive, KnowsTheUsualWords) {
  const model::Label label = {.column = "click", .positive = ""};
  for (const char* cell : {"1", "true", "YES", "y", "T", " 1 ", "1.0"}) {
    EXPECT_EQ(IsPositive(label, cell), true) << cell;
  }
  for (const char* cell : {"0", "False", "no", "N", "f", "0.0"})
    EXPECT_EQ(IsPositive(label, cell), false) << cell;
  for (const char* cell : {"", "2", "-1", "maybe", "0.5", "NA"}) {
    EXPECT_EQ(IsPositive(label, cell), std::nullopt) << cell;
  }
}

TEST(IsPositive, WithANamedPositiveEverythingElseIsNegative) {
  const model::Label label = {.column = "status", .positive = "won"};
  EXPECT_EQ(IsPositive(label, "won"), true);
  EXPECT_EQ(IsPositive(label, "Won"), false);
  EXPECT_EQ(IsPositive(label, "1"), false);
  EXPECT_EQ(IsPositive(label, ""), false);
}

}  // namespace
}  // namespace adscore::trainer

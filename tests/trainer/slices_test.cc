#include "trainer/slices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/trainer/test_data.h"

namespace adscore::trainer {
namespace {

using testing::ElementsAre;

class SlicesTest : public testing::Test {
 protected:
  std::vector<SlicedColumn> Cut(const std::string& text, const std::vector<std::string>& columns) {
    return SliceColumns(directory_.File("log.csv", text), data::Format::kCsv, columns, std::nullopt, nullptr)
        .value();
  }
  TestDirectory directory_;
};

TEST_F(SlicesTest, FrequentValuesStandAloneAndTheRestIsGathered) {
  std::string text = "click,site\n";
  for (int i = 0; i < 200; ++i) text += "0,common\n";
  for (int i = 0; i < 60; ++i) text += "1,\n";
  for (int i = 0; i < 90; ++i) text += "0,rare" + std::to_string(i / 30) + "\n";
  const SlicedColumn cut = Cut(text, {"site"})[0];
  EXPECT_THAT(cut.parts, ElementsAre("common", "(missing)", "(other)"));
  EXPECT_EQ(cut.part_of.size(), 350U);
  EXPECT_EQ(cut.part_of[0], 0);
  EXPECT_EQ(cut.part_of[200], 1);
  EXPECT_EQ(cut.part_of[349], 2);
}

TEST_F(SlicesTest, NumbersAreCutAtTheirQuantiles) {
  std::string text = "click,amount\n";
  for (int i = 0; i < 1000; ++i) text += "0," + (i % 100 == 7 ? "" : std::to_string(i)) + "\n";
  const SlicedColumn cut = Cut(text, {"amount"})[0];
  ASSERT_EQ(cut.parts.size(), kNumericSlices + 1);
  EXPECT_EQ(cut.parts[0], "0 to below 100");
  EXPECT_EQ(cut.parts[9], "900 to 999");
  EXPECT_EQ(cut.parts[10], "(missing)");
  EXPECT_EQ(cut.part_of[50], 0);
  EXPECT_EQ(cut.part_of[999], 9);
  EXPECT_EQ(cut.part_of[107], 10);
}

TEST_F(SlicesTest, FewDifferentNumbersAreNames) {
  std::string text = "click,day\n";
  for (int i = 0; i < 700; ++i) text += "0," + std::to_string(i % 7) + "\n";
  EXPECT_EQ(Cut(text, {"day"})[0].parts.size(), 7U + 1);
}

TEST_F(SlicesTest, OnlyTheRowsAskedForAreCut) {
  std::string text = "click,half\n";
  for (int i = 0; i < 200; ++i) text += i < 100 ? "0,first\n" : "0,last\n";
  const std::string path = directory_.File("halves.csv", text);
  std::vector<uint32_t> rows;
  for (uint32_t row = 100; row < 200; ++row) rows.push_back(row);
  const SlicedColumn cut =
      SliceColumns(path, data::Format::kCsv, {"half"}, std::span<const uint32_t>(rows), nullptr).value()[0];
  EXPECT_THAT(cut.parts, ElementsAre("last", "(other)"));
  EXPECT_EQ(cut.part_of.size(), 100U);
}

TEST_F(SlicesTest, AColumnThatIsNotThereIsNamed) {
  const absl::Status status = SliceColumns(directory_.File("log.csv", "click,site\n1,a\n0,b\n"),
                                           data::Format::kCsv, {"shop"}, std::nullopt, nullptr)
                                  .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("--slice 'shop'"), absl::string_view::npos);
  EXPECT_NE(status.message().find("click, site"), absl::string_view::npos);
}

TEST(FiguresBySlice, AreThoseOfTheRowsOfThePartAlone) {
  Dataset data;
  data.rows = 4;
  data.labels = {{1, 0, 1, 0}};
  const std::vector<uint32_t> rows = {0, 1, 2, 3};
  const std::vector<float> probabilities = {0.9F, 0.1F, 0.2F, 0.8F};
  SlicedColumn column;
  column.name = "site";
  column.parts = {"good", "bad", "(other)"};
  column.part_of = {0, 0, 1, 1};
  const ColumnSlices sliced = FiguresBySlice(column, data, rows, probabilities, 1);
  ASSERT_EQ(sliced.slices.size(), 2U) << "a part without rows is left out";
  EXPECT_EQ(sliced.slices[0].figures[0].rows, 2U);
  EXPECT_DOUBLE_EQ(*sliced.slices[0].figures[0].auc, 1);
  EXPECT_DOUBLE_EQ(*sliced.slices[1].figures[0].auc, 0);
}

}  // namespace
}  // namespace adscore::trainer

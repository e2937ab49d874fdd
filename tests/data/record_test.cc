#include "data/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace adscore::data {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Split(std::string text, Dialect dialect = {}) {
  const RecordExtent extent = FindRecord(text, dialect);
  std::vector<std::string_view> cells;
  SplitRecord(text.data(), extent, dialect, &cells);
  return {cells.begin(), cells.end()};
}

TEST(Record, PlainCells) {
  EXPECT_THAT(Split("a,b,c\n"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(Split("a"), ElementsAre("a"));
  EXPECT_THAT(Split(",,\n"), ElementsAre("", "", ""));
  EXPECT_THAT(Split(" a , b "), ElementsAre(" a ", " b "));
}

TEST(Record, CellsOfEveryLengthAroundTheWordOfTheScanner) {
  for (size_t first = 0; first < 20; ++first) {
    for (size_t second = 0; second < 20; ++second) {
      const std::string a(first, 'a');
      const std::string b(second, '\xff');
      EXPECT_THAT(Split(a + "," + b + "\n"), ElementsAre(a, b));
      EXPECT_THAT(Split(a + ",-" + b),
                  ElementsAre(a, "-" + b));  // '-' is one above ',': a borrow must not reach it
    }
  }
}

TEST(Record, RowsOfEveryLengthWithOtherNumbersOfCells) {
  std::vector<std::string_view> cells;  // those of the row before are there
  for (size_t size = 200; size > 0; --size) {
    for (const size_t every : {1, 2, 7, 8, 63, 64, 65, 300}) {
      std::string text;
      std::vector<std::string> expected(1);
      for (size_t i = 0; i < size; ++i) {
        const bool delimiter = i % every == every - 1;
        text += delimiter ? ',' : static_cast<char>('a' + i % 26);
        if (delimiter) {
          expected.emplace_back();
        } else {
          expected.back() += text.back();
        }
      }
      SplitRecord(text.data(), FindRecord(text, {}), {}, &cells);
      EXPECT_EQ(std::vector<std::string>(cells.begin(), cells.end()), expected) << text;
    }
  }
}

TEST(Record, LineEndsOfUnixAndWindows) {
  const RecordExtent windows = FindRecord("a,b\r\nc", {});
  EXPECT_EQ(windows.size, 3U);
  EXPECT_EQ(windows.consumed, 5U);
  const RecordExtent unix_style = FindRecord("a,b\nc", {});
  EXPECT_EQ(unix_style.size, 3U);
  EXPECT_EQ(unix_style.consumed, 4U);
  const RecordExtent last = FindRecord("a,b", {});
  EXPECT_EQ(last.size, 3U);
  EXPECT_GT(last.consumed, 3U);
  EXPECT_THAT(Split("a,\"b\"\r\n"), ElementsAre("a", "b"));
}

TEST(Record, QuotedCellsHoldDelimitersLineBreaksAndDoubledQuotes) {
  EXPECT_THAT(Split("\"a,b\",c\n"), ElementsAre("a,b", "c"));
  EXPECT_THAT(Split("\"say \"\"hi\"\"\",x\n"), ElementsAre("say \"hi\"", "x"));
  EXPECT_THAT(Split("\"\",\"\"\"\"\n"), ElementsAre("", "\""));
  const std::string two_lines = "x,\"a\nb\"\nnext";
  EXPECT_EQ(FindRecord(two_lines, {}).lines, 2U);
  EXPECT_EQ(FindRecord(two_lines, {}).size, 7U);
  EXPECT_THAT(Split(two_lines), ElementsAre("x", "a\nb"));
}

TEST(Record, QuotesThatExportsLeaveAreText) {
  EXPECT_THAT(Split("5\" disk,x\n"), ElementsAre("5\" disk", "x"));
  EXPECT_THAT(Split("\"great\" product,x\n"), ElementsAre("great product", "x"));
  EXPECT_THAT(Split("a \"b\",c\n"), ElementsAre("a \"b\"", "c"));
}

TEST(Record, WithoutQuotesInTheDialectTheyAreText) {
  const Dialect tabs = {.delimiter = '\t', .quotes = false};
  EXPECT_THAT(Split("\"a\tb\"\n", tabs), ElementsAre("\"a", "b\""));
}

TEST(Record, AQuoteThatIsNotClosedIsOpen) {
  EXPECT_TRUE(FindRecord("a,\"b\nc", {}).open);
  EXPECT_TRUE(FindRecord("\"", {}).open);
  EXPECT_FALSE(FindRecord("\"\"", {}).open);
  EXPECT_TRUE(FindRecord("\"\"\"", {}).open);
}

}  // namespace
}  // namespace adscore::data

#include "data/table_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/data/temp_files.h"

namespace adscore::data {
namespace {

using adscore::testing::Gzip;
using adscore::testing::TempFiles;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Row = std::vector<std::string>;

struct Table {
  std::vector<std::string> columns;
  std::vector<Row> rows;
  std::vector<uint64_t> lines;  // [rows]
};

absl::StatusOr<Table> Read(const std::string& path, Format format = Format::kAuto) {
  absl::StatusOr<std::unique_ptr<TableReader>> reader = TableReader::Open(path, format);
  if (!reader.ok()) return reader.status();
  Table table;
  table.columns = (*reader)->columns();
  std::vector<std::string_view> cells;
  while (true) {
    absl::StatusOr<bool> more = (*reader)->Next(&cells);
    if (!more.ok()) return more.status();
    if (!*more) break;
    table.rows.emplace_back(cells.begin(), cells.end());
    table.lines.push_back((*reader)->line());
  }
  EXPECT_EQ((*reader)->bytes_read(), (*reader)->bytes_total());
  return table;
}

class TableReaderTest : public ::testing::Test {
 protected:
  absl::StatusOr<Table> ReadText(std::string_view text, Format format = Format::kAuto) {
    return Read(files_.Write("log.csv", text), format);
  }
  std::string ErrorOf(std::string_view text, Format format = Format::kAuto) {
    const absl::StatusOr<Table> table = ReadText(text, format);
    EXPECT_EQ(table.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(table.status().message());
  }

  TempFiles files_;
};

TEST_F(TableReaderTest, ReadsCommaSemicolonTabAndPipe) {
  for (const std::string delimiter : {",", ";", "\t", "|"}) {
    const Table table = ReadText("a" + delimiter + "b\n1" + delimiter + "2\n\n3" + delimiter + "\n").value();
    EXPECT_THAT(table.columns, ElementsAre("a", "b"));
    EXPECT_THAT(table.rows, ElementsAre(Row{"1", "2"}, Row{"3", ""}));
  }
}

TEST_F(TableReaderTest, ReadsWindowsFilesWithAByteOrderMark) {
  const Table table = ReadText(
                          "\xef\xbb\xbf"
                          "a,b\r\n1,\"x\r\ny\"\r\n2,z")
                          .value();
  EXPECT_THAT(table.columns, ElementsAre("a", "b"));
  EXPECT_THAT(table.rows, ElementsAre(Row{"1", "x\r\ny"}, Row{"2", "z"}));
  EXPECT_THAT(table.lines, ElementsAre(2, 4));
}

TEST_F(TableReaderTest, HeaderNamesMayBeQuotedAndSpacedOut) {
  EXPECT_THAT(ReadText("\"a, b\", c ,d\n1,2,3\n").value().columns, ElementsAre("a, b", "c", "d"));
}

TEST_F(TableReaderTest, AHeaderAloneHasColumnsAndNoRows) {
  for (const std::string text : {"a,b", "a,b\n", "a,b\r\n\r\n\n  \n"}) {
    const Table table = ReadText(text).value();
    EXPECT_THAT(table.columns, ElementsAre("a", "b"));
    EXPECT_THAT(table.rows, IsEmpty());
  }
}

TEST_F(TableReaderTest, ATrailingDelimiterIsNoColumn) {
  const Table both = ReadText("a,b,\n1,2,\n3,4\n").value();
  EXPECT_THAT(both.columns, ElementsAre("a", "b"));
  EXPECT_THAT(both.rows, ElementsAre(Row{"1", "2"}, Row{"3", "4"}));
  EXPECT_THAT(ReadText("a,b\n1,2,\n").value().rows, ElementsAre(Row{"1", "2"}));
}

TEST_F(TableReaderTest, OneColumnNeedsNoDelimiter) {
  EXPECT_THAT(ReadText("click\n1\n0\n").value().rows, ElementsAre(Row{"1"}, Row{"0"}));
}

TEST_F(TableReaderTest, LinesAreCountedOverBlankLinesAndQuotedLineBreaks) {
  EXPECT_THAT(ReadText("\na,b\n\n1,2\n\"x\n\ny\",2\n3,4\n").value().lines, ElementsAre(4, 5, 8));
}

TEST_F(TableReaderTest, ARowOfAnotherLengthSaysLineAndCounts) {
  EXPECT_THAT(ErrorOf("a,b,c\n1,2,3\n\n1,2\n"),
              AllOf(HasSubstr("log.csv:4"), HasSubstr("2 cells"), HasSubstr("3")));
  EXPECT_THAT(ErrorOf("a,b\n1,2,3\n"),
              AllOf(HasSubstr("log.csv:2"), HasSubstr("3 cells"), HasSubstr("2 are")));
  EXPECT_THAT(ErrorOf("a,b\n1,2,,\n"), HasSubstr("4 cells"));
  EXPECT_THAT(ErrorOf("a,b\n1\n"), HasSubstr("1 cell where"));
}

TEST_F(TableReaderTest, AQuoteThatIsNeverClosedSaysWhereItOpened) {
  EXPECT_THAT(ErrorOf("a,b\n1,2\n3,\"4\n5,6\n7,8\n"),
              AllOf(HasSubstr("log.csv:3"), HasSubstr("never closed")));
}

TEST_F(TableReaderTest, AQuoteThatSwallowsAHugeFileStopsEarly) {
  std::string text = "a,b\n1,\"2\n";
  while (text.size() < 17 << 20) text += "1,2222222222222222222222222222222222222222\n";
  EXPECT_THAT(ErrorOf(text), AllOf(HasSubstr("log.csv:2"), HasSubstr("16 MiB")));
}

TEST_F(TableReaderTest, EmptyFilesAndBrokenHeadersSaySo) {
  EXPECT_THAT(ErrorOf(""), HasSubstr("is empty"));
  EXPECT_THAT(ErrorOf("\n\r\n"), HasSubstr("blank"));
  EXPECT_THAT(ErrorOf("a,b,a\n"), HasSubstr("'a'"));
  EXPECT_THAT(ErrorOf("a,,b\n"), HasSubstr("column 2 has no name"));
  EXPECT_THAT(ErrorOf("a,caf\xe9\n"),
              HasSubstr("column 2, 'caf\\xe9', is not UTF-8; save the file as UTF-8"));
  EXPECT_THAT(ErrorOf(",a\n0,1\n"), HasSubstr("index=False"));
  EXPECT_THAT(ErrorOf("a,b\r1,2\r3,4\r"), HasSubstr("carriage return"));
  EXPECT_THAT(Read(files_.Write("log.gz", Gzip(""))).status().message(), HasSubstr("is empty"));
}

TEST_F(TableReaderTest, BinaryFilesSaySo) {
  EXPECT_THAT(ErrorOf(std::string("a,b\n1,\0\n", 8)), HasSubstr("binary"));
  std::string late = "a,b\n";
  for (int i = 0; i < 200'000; ++i) late += "1,2\n";
  late += std::string("1,\0\n", 4);
  EXPECT_THAT(ErrorOf(late), AllOf(HasSubstr("log.csv:200002"), HasSubstr("NUL")));
}

TEST_F(TableReaderTest, RowsAcrossTheReadersBuffersArriveWhole) {
  std::string text = "id,quoted,plain\n";
  std::vector<Row> rows;
  for (int i = 0; i < 30'000; ++i) {
    const std::string id = std::to_string(i);
    const std::string padding(static_cast<size_t>(i * 7919 % 61), 'x');
    text += id + ",\"" + padding + ",\"\"\n\"," + padding + "\n";
    rows.push_back({id, padding + ",\"\n", padding});
  }
  EXPECT_EQ(ReadText(text).value().rows, rows);
  EXPECT_EQ(Read(files_.Write("log.csv.gz", Gzip(text))).value().rows, rows);
}

TEST_F(TableReaderTest, ACellLargerThanTheBufferArrivesWhole) {
  const std::string large(1 << 20, 'x');
  EXPECT_THAT(ReadText("a,b\n1,\"" + large + "\"\n2,3\n").value().rows,
              ElementsAre(Row{"1", large}, Row{"2", "3"}));
}

TEST_F(TableReaderTest, ATruncatedGzipFileIsDataLossAndNotAnEarlyEnd) {
  std::string text = "a,b\n";
  for (int i = 0; i < 200'000; ++i) text += std::to_string(i * 7919 % 100'003) + ",2\n";
  const std::string bytes = Gzip(text);
  const absl::StatusOr<Table> table = Read(files_.Write("log.gz", bytes.substr(0, bytes.size() - 20)));
  EXPECT_EQ(table.status().code(), absl::StatusCode::kDataLoss);
}

std::string CriteoRow(const std::string& first, const std::string& integers, const std::string& tokens) {
  std::string row = first;
  for (int i = 0; i < 13; ++i) row += (row.empty() && i == 0 ? "" : "\t") + integers;
  for (int i = 0; i < 26; ++i) row += "\t" + tokens;
  return row + "\n";
}

TEST_F(TableReaderTest, CriteoWithALabel) {
  const Table table = ReadText(CriteoRow("0", "5", "ab\"c") + CriteoRow("1", "", "")).value();
  ASSERT_THAT(table.columns, SizeIs(40));
  EXPECT_EQ(table.columns[0], "label");
  EXPECT_EQ(table.columns[1], "I1");
  EXPECT_EQ(table.columns[13], "I13");
  EXPECT_EQ(table.columns[14], "C1");
  EXPECT_EQ(table.columns[39], "C26");
  ASSERT_THAT(table.rows, SizeIs(2));
  EXPECT_EQ(table.rows[0][13], "5");
  EXPECT_EQ(table.rows[0][39], "ab\"c") << "quotes mean nothing in this format";
  EXPECT_EQ(table.rows[1][39], "") << "empty cells at the end of a row count";
  EXPECT_THAT(table.lines, ElementsAre(1, 2));
}

TEST_F(TableReaderTest, CriteoWithoutALabel) {
  const Table table = ReadText(CriteoRow("", "?", "x"), Format::kCriteo).value();
  ASSERT_THAT(table.columns, SizeIs(39));
  EXPECT_EQ(table.columns[0], "I1");
  EXPECT_EQ(table.rows[0][0], "?");
}

TEST_F(TableReaderTest, CriteoRowsOfAnotherLengthAreRefused) {
  EXPECT_THAT(ErrorOf("1\t2\t3\n", Format::kCriteo), HasSubstr("3 tab-separated cells"));
  EXPECT_THAT(ErrorOf(CriteoRow("0", "1", "x") + CriteoRow("", "1", "x"), Format::kCriteo),
              AllOf(HasSubstr("log.csv:2"), HasSubstr("39 cells"), HasSubstr("40 are")));
}

TEST_F(TableReaderTest, CriteoColumnsUnderAHeaderAreCsv) {
  std::string header = "label";
  for (int i = 1; i <= 13; ++i) header += "\tI" + std::to_string(i);
  for (int i = 1; i <= 26; ++i) header += "\tC" + std::to_string(i);
  const Table table = ReadText(header + "\n" + CriteoRow("0", "1", "x")).value();
  EXPECT_EQ(table.columns[39], "C26");
  EXPECT_THAT(table.rows, SizeIs(1));
}

TEST(ParseFormat, KnowsItsNames) {
  EXPECT_EQ(ParseFormat("auto").value(), Format::kAuto);
  EXPECT_EQ(ParseFormat("csv").value(), Format::kCsv);
  EXPECT_EQ(ParseFormat("criteo").value(), Format::kCriteo);
  EXPECT_THAT(ParseFormat("tsv").status().message(),
              AllOf(HasSubstr("'tsv'"), HasSubstr("auto, csv, criteo")));
}

TEST(RealLogs, CriteoIsRecognisedAndReadToTheEnd) {
  const std::string path = std::string(ADSCORE_REAL_DATA) + "/criteo/train.tsv.gz";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no real log at " << path;
  const Table table = Read(path).value();
  EXPECT_THAT(table.columns, SizeIs(40));
  EXPECT_THAT(table.rows, SizeIs(64'000));
}

TEST(RealLogs, HillstromIsRecognisedAndReadToTheEnd) {
  const std::string path = std::string(ADSCORE_REAL_DATA) + "/hillstrom/train.csv";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no real log at " << path;
  const Table table = Read(path).value();
  EXPECT_THAT(table.columns, AllOf(::testing::Contains("visit"), ::testing::Contains("conversion")));
  EXPECT_THAT(table.rows, SizeIs(48'000));
}

}  // namespace
}  // namespace adscore::data

#include "trainer/column_doubts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/trainer/test_data.h"
#include "trainer/schema_inference.h"

namespace adscore::trainer {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

// A column of those cells, over and over.
ColumnProfile Holding(const std::vector<std::string>& cells) {
  ColumnProfile profile;
  for (size_t row = 0; row < 200; ++row) profile.Add(cells[row % cells.size()], {0});
  return profile;
}

TEST(ColumnDoubts, NumbersToAPersonAreNotQuietlyTakenAsNames) {
  for (const std::vector<std::string>& cells :
       std::vector<std::vector<std::string>>{{"12,5", "3,05"},
                                             {"1.234,56", "234,56"},
                                             {"1,234.50", "12,345,678.00"},
                                             {"1'234.5", "2'000'000"},
                                             {"1 234,5", "1\u00a0234,5", "1\u202f234"},
                                             {"$12.50", "-$3", "USD 7"},
                                             {"12 €", "12,50 €", "7 EUR"},
                                             {"12%", "7.5 %"}}) {
    EXPECT_TRUE(LooksLikeNumbers(Holding(cells))) << cells[0];
    EXPECT_THAT(DoubtOf(Holding(cells)).value_or(""), AllOf(HasSubstr(cells[0]), HasSubstr("1234.56")));
  }
  for (const std::vector<std::string>& cells : std::vector<std::vector<std::string>>{{"red", "12 red"},
                                                                                     {"10.1.2.3"},
                                                                                     {"a,b"},
                                                                                     {"1-2"},
                                                                                     {"12,5,7"},
                                                                                     {"100,200,500", "12,45"},
                                                                                     {"192.168.101.200"},
                                                                                     {"v1.2"}}) {
    EXPECT_FALSE(LooksLikeNumbers(Holding(cells))) << cells[0];
  }
}

TEST(ColumnDoubts, DatesToAPersonAreNotQuietlyTakenAsNames) {
  for (const char* cell : {"03/01/2026 10:00", "1/3/26", "Mar 01, 2026", "1 March 2026", "1.3.2026", "09:30",
                           "09:30:38", "Sun, 01 Mar 2026 10:00:00 GMT"}) {
    EXPECT_THAT(DoubtOf(Holding({cell})).value_or(""), AllOf(HasSubstr(cell), HasSubstr("2026-03-01 09:30")));
  }
  for (const char* cell : {"10.1.2.3", "1.2.3", "decor 2026", "sep2026x", "Sale Mar 2026 v0", "10.0.2024",
                           "12-34-5678", "555-1234", "16:9x", "12-34-56-78"}) {
    EXPECT_EQ(DoubtOf(Holding({cell})), std::nullopt) << cell;
  }
}

TEST(ColumnDoubts, NamesWithFewNumbersAmongThemAreNoDoubt) {
  EXPECT_EQ(DoubtOf(Holding({"red", "blue", "12"})), std::nullopt);
  EXPECT_THAT(DoubtOf(Holding({"1", "2", "3", "blue"})).value_or(""),
              AllOf(HasSubstr("75.0%"), HasSubstr("'blue'")));
  EXPECT_EQ(DoubtOf(Holding({"1", "2", ""})), std::nullopt);
}

TEST(SchemaInferenceDoubts, AnAmountThatIsLeftOutSinceItIsNotReadIsSaid) {
  TestDirectory directory;
  std::string text = "y,weight,amount\n";
  for (int row = 0; row < 300; ++row) {
    text += std::string(row % 3 == 0 ? "1," : "0,") + std::to_string(row % 77) + ".5,$" +
            std::to_string(row) + ".25\n";
  }
  InferenceOptions options;
  options.labels = ParseLabels("y").value();
  const InferredSchema inferred =
      InferSchema(directory.File("log.csv", text), data::Format::kAuto, options).value();
  EXPECT_THAT(inferred.notices, Contains(AllOf(HasSubstr("'amount' is left out"), HasSubstr("every row"))));
  EXPECT_THAT(inferred.notices,
              Contains(AllOf(HasSubstr("'amount'"), HasSubstr("'$0.25'"), HasSubstr("1234.56"))));
}

class ColumnGivesAwayTest : public testing::Test {
 protected:
  // Notices of a log of 4,000 rows with one column beside the label, a quarter of whose rows are positive.
  template <typename Cell>
  std::vector<std::string> Notices(const Cell& cell) {
    std::string text = "click,weight,status\n";
    for (int row = 0; row < 4000; ++row) {
      const bool positive = row * 7919 % 100 < 25;
      text += std::to_string(positive) + "," + std::to_string(row % 77) + ".5," + cell(row, positive) + "\n";
    }
    InferenceOptions options;
    options.labels = ParseLabels("click").value();
    return InferSchema(directory_.File("log.csv", text), data::Format::kAuto, options)->notices;
  }

  const testing::Matcher<std::string> suspicious_ =
      AllOf(HasSubstr("'status'"), HasSubstr("suspiciously well"), HasSubstr("--ignore status"));
  TestDirectory directory_;
};

TEST_F(ColumnGivesAwayTest, NamesAndNumbersThatKnowTheOutcomeAreWarnedAbout) {
  EXPECT_THAT(Notices([](int, bool positive) { return positive ? "won" : "lost"; }), Contains(suspicious_));
  EXPECT_THAT(Notices([](int, bool positive) { return positive ? "0" : "1"; }), Contains(suspicious_));
  EXPECT_THAT(
      Notices([](int row, bool positive) { return std::to_string((positive ? 1 : 3) + row % 19 * 0.1); }),
      Contains(suspicious_));
  EXPECT_THAT(Notices([](int row, bool positive) { return (positive != (row % 97 == 0)) ? "won" : "lost"; }),
              Contains(suspicious_))
      << "one in a hundred is wrong";
}

TEST_F(ColumnGivesAwayTest, AGoodFeatureIsNot) {
  EXPECT_THAT(Notices([](int row, bool positive) { return (positive != (row % 9 == 0)) ? "high" : "low"; }),
              Not(Contains(suspicious_)));
  EXPECT_THAT(Notices([](int row, bool) { return "u" + std::to_string(row / 2); }),
              Not(Contains(suspicious_)))
      << "each value twice: what one half of the rows says is held against the other";
}

TEST(SchemaInferenceLabels, EmptyLabelsThatCountAsNegativeAreSaid) {
  TestDirectory directory;
  std::string text = "y,weight\n";
  for (int row = 0; row < 300; ++row) {
    text += std::string(row % 10 == 0  ? ""
                        : row % 3 == 0 ? "won"
                                       : "lost") +
            "," + std::to_string(row % 77) + ".5\n";
  }
  InferenceOptions options;
  options.labels = ParseLabels("y=won").value();
  const InferredSchema inferred =
      InferSchema(directory.File("log.csv", text), data::Format::kAuto, options).value();
  EXPECT_THAT(inferred.notices,
              Contains(AllOf(HasSubstr("label 'y' is empty in 30 of the 300 rows"), HasSubstr("negative"))));
}

}  // namespace
}  // namespace adscore::trainer

// What a flag's text may be, and what is said of text that it may not be.
#include "cli/flag_checks.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace adscore::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(WholeNumberTest, TakesItsRangeAndNothingElse) {
  const FlagCheck check = WholeNumber(1, 256);
  EXPECT_THAT(check("1"), IsEmpty());
  EXPECT_THAT(check("256"), IsEmpty());
  for (const char* wrong :
       {"", "0", "257", "-1", "+1", "010", "1.0", "1e2", " 1", "0x10", "one", "99999999999999999999999"}) {
    EXPECT_THAT(check(wrong), HasSubstr("is not a whole number from 1 to 256")) << wrong;
  }
}

TEST(WholeNumberTest, ZeroIsNotPadded) { EXPECT_THAT(WholeNumber(0, 9)("0"), IsEmpty()); }

TEST(WholeNumberTest, SaysNoLimitWhereThereIsNone) {
  EXPECT_THAT(WholeNumber(1, UINT64_MAX)("18446744073709551615"), IsEmpty());
  EXPECT_EQ(WholeNumber(1, UINT64_MAX)("0"), "'0' is not a whole number of at least 1");
}

TEST(NumberTest, TakesItsRangeAndNothingElse) {
  const FlagCheck check = Number(0.1, 10);
  EXPECT_THAT(check("0.1"), IsEmpty());
  EXPECT_THAT(check("1e1"), IsEmpty());
  for (const char* wrong : {"", "0", "10.1", "nan", "inf", "-inf", "1,5", "1s"}) {
    EXPECT_THAT(check(wrong), HasSubstr("is not a number from 0.1 to 10")) << wrong;
  }
}

TEST(QuotedTest, ShortensWhatIsLong) {
  EXPECT_EQ(Quoted("click"), "'click'");
  EXPECT_EQ(Quoted(std::string(41, 'x')), "'" + std::string(40, 'x') + "…'");
}

absl::Status OnlyAds(std::string_view text) {
  return text == "ads" ? absl::OkStatus() : absl::InvalidArgumentError("only ads");
}
absl::StatusOr<int> ParseOne(std::string_view text) {
  if (text == "1") return 1;
  return absl::InvalidArgumentError("only 1");
}

TEST(CheckedByTest, SaysWhatTheFunctionSays) {
  EXPECT_THAT(CheckedBy(&OnlyAds)("ads"), IsEmpty());
  EXPECT_EQ(CheckedBy(&OnlyAds)("bids"), "only ads");
  EXPECT_THAT(CheckedBy(&ParseOne)("1"), IsEmpty());
  EXPECT_EQ(CheckedBy(&ParseOne)("2"), "only 1");
}

}  // namespace
}  // namespace adscore::cli

#include "data/date_time.h"

#include <gtest/gtest.h>

namespace adscore::data {
namespace {

TEST(DateTimeTest, ReadsDatesAsExportsWriteThem) {
  for (const char* text : {"2017-11-07", "2017/11/07", "07.11.2017", " 2017-11-07 "}) {
    const std::optional<DateTime> parsed = ParseDateTime(text);
    ASSERT_TRUE(parsed.has_value()) << text;
    EXPECT_EQ(parsed->day, 17477) << text;
    EXPECT_FALSE(parsed->hour.has_value()) << text;
  }
}

TEST(DateTimeTest, ReadsWhatServersAndDatabasesWrite) {
  for (const char* cell : {"07/Nov/2017:09:30:38 +0000", "07-Nov-2017 09:30:38", "07-NOV-2017 09:30:38 GMT",
                           "2017-11-07 09:30:38 UTC", "2017-11-07 09:30:38.123456 UTC", "1510047038",
                           "1510047038.25", "1510047038123", "1510047038123456"}) {
    const std::optional<DateTime> parsed = ParseDateTime(cell);
    ASSERT_TRUE(parsed.has_value()) << cell;
    EXPECT_EQ(parsed->seconds, 1'510'047'038) << cell;
    EXPECT_EQ(parsed->hour, 9) << cell;
  }
  for (const char* cell : {"20171107", "07/Nov/2017", "07-nov-2017"}) {
    ASSERT_TRUE(ParseDateTime(cell).has_value()) << cell;
    EXPECT_EQ(ParseDateTime(cell)->day, 17'477) << cell;
    EXPECT_EQ(ParseDateTime(cell)->hour, std::nullopt) << cell;
  }
  for (const char* cell : {"20171307", "19991107", "07/Now/2017", "07-Nov/2017", "151004703", "15100470381",
                           "1510047038.", "1510047038.x", "1510047038x", "07-No", "2017-11-07 09:30 EST"}) {
    EXPECT_EQ(ParseDateTime(cell).has_value(), std::string_view(cell) == "1510047038.") << cell;
  }
}

TEST(DateTimeTest, ReadsTimesAndLeavesTheZoneAlone) {
  for (const char* text :
       {"2017-11-07 09:30", "2017-11-07 09:30:38", "2017-11-07T09:30:38Z", "2017-11-07T09:30:38.125",
        "2017-11-07 09:30:38 +02:00", "2017-11-07T09:30:38-0500", "07.11.2017 09:30", "1510047038"}) {
    const std::optional<DateTime> parsed = ParseDateTime(text);
    ASSERT_TRUE(parsed.has_value()) << text;
    EXPECT_EQ(parsed->day, 17477) << text;
    EXPECT_EQ(parsed->hour, 9) << text;
  }
}

TEST(DateTimeTest, SecondsHeedTheZone) {
  for (const char* text : {"2017-11-07 09:30:38", "2017-11-07T09:30:38Z", "2017-11-07 11:30:38 +02:00",
                           "2017-11-07T04:30:38-0500", "2017-11-07T15:00:38+0530", "2017-11-07 09:30:38.9",
                           "07.11.2017 12:30:38 +03", "1510047038"}) {
    EXPECT_EQ(ParseDateTime(text)->seconds, 1'510'047'038) << text;
  }
  EXPECT_EQ(ParseDateTime("2017-11-07")->seconds, 17'477 * 86'400);
  EXPECT_EQ(ParseDateTime("1969-12-31 23:59")->seconds, -60);
}

TEST(DateTimeTest, WhatIsNoDateIsNone) {
  for (const char* text :
       {"", "2017-13-07", "2017-02-30", "2017-11-07x", "2017-11-07 24:00", "2017-11-07 09:61",
        "2017-11-07 9:30", "17-11-07", "2017-11/07", "151004703", "0000000001", "9999999999",
        "2017-11-07T09:30:38+99:00", "hello world", "2017-11-07 09:30:38 +", "192.168.10.1"}) {
    EXPECT_FALSE(ParseDateTime(text).has_value()) << text;
  }
}

TEST(DateTimeTest, PartsAreTokens) {
  EXPECT_EQ(DatePartToken("2017-11-07 09:30:38", DatePart::kHour), "9");
  EXPECT_EQ(DatePartToken("2017-11-07 09:30:38", DatePart::kWeekday), "tue");
  EXPECT_EQ(DatePartToken("1970-01-01", DatePart::kWeekday), "thu");
  EXPECT_EQ(DatePartToken("1969-12-28", DatePart::kWeekday), "sun");
  EXPECT_EQ(DatePartToken("2017-11-07", DatePart::kHour), "");
  EXPECT_EQ(DatePartToken("yesterday", DatePart::kWeekday), "");
}

}  // namespace
}  // namespace adscore::data

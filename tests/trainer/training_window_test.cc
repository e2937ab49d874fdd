#include "trainer/training_window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace adscore::trainer {
namespace {

using ::testing::HasSubstr;

TrainingWindow Parsed(const char* text) {
  const absl::StatusOr<TrainingWindow> window = ParseTrainingWindow(text);
  EXPECT_TRUE(window.ok()) << window.status();
  return window.value_or(TrainingWindow{});
}

TEST(TrainingWindow, ADateIsAllOfItsDay) {
  const TrainingWindow window = Parsed("2026-01-01/2026-01-31");
  EXPECT_EQ(IsoTime(window.from), "2026-01-01T00:00:00Z");
  EXPECT_EQ(IsoTime(window.to), "2026-01-31T23:59:59Z");
  EXPECT_EQ(Parsed("2026-02-28/2026-02-28").to - Parsed("2026-02-28/2026-02-28").from, 86'399);
}

TEST(TrainingWindow, ATimeMayHaveAZone) {
  const TrainingWindow window = Parsed("2026-01-01T06:00:00Z/2026-01-01T18:30:00+01:00");
  EXPECT_EQ(IsoTime(window.from), "2026-01-01T06:00:00Z");
  EXPECT_EQ(IsoTime(window.to), "2026-01-01T17:30:00Z");
  EXPECT_EQ(Parsed("2026-01-01T06:00/2026-01-01T18:30"), Parsed("2026-01-01T06:00:00Z/2026-01-01T18:30:00Z"));
  EXPECT_EQ(Parsed("2026-01-01T06:00:07/2026-01-02").from, Parsed("2026-01-01T06:00:07Z/2026-01-02").from);
}

TEST(TrainingWindow, EverythingElseIsRefused) {
  for (const char* wrong :
       {"", "/", "2026-01-01", "2026-01-01/", "/2026-01-31", "2026-13-01/2026-12-31", "2026-02-30/2026-03-01",
        "2026-01-01/2026-01-31/2026-02-28", " 2026-01-01/2026-01-31", "2026-01-01/now",
        "infinite-past/infinite-future", "1969-12-31/1970-01-01", "-2026-01-01/2026-01-31",
        "2026-01-01/99999-01-01", "01/02/2026", "1767225600/1767225601", "2026-01-01T25:00:00Z/2026-01-31"}) {
    const absl::Status status = ParseTrainingWindow(wrong).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << wrong;
    EXPECT_THAT(std::string(status.message()), HasSubstr("20")) << "shows how to write it";
  }
  EXPECT_THAT(std::string(ParseTrainingWindow("2026-02-01/2026-01-01").status().message()),
              HasSubstr("ends before it begins"));
}

}  // namespace
}  // namespace adscore::trainer

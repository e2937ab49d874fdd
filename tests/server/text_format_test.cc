// Our writer of the text format beside prometheus-cpp's.
#include "server/metrics/text_format.h"

#include <gtest/gtest.h>

#include <limits>
#include <sstream>

#include "prometheus/text_serializer.h"
#include "server/metrics/families.h"

namespace adscore::server {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

std::vector<MetricFamily> Families() {
  std::vector<MetricFamily> families = {Family("a_total", "Counts.", MetricType::Counter),
                                        Family("b_bytes", "Has \"quotes\".", MetricType::Gauge),
                                        Family("c_seconds", "Long.", MetricType::Histogram)};
  AddCounter(&families[0], {}, 123'456'789'012);
  AddCounter(&families[0], {{"model", "ads"}, {"feature", "a\"b\\c\nd"}}, 0.1);
  AddGauge(&families[1], {{"x", ""}}, -1.5e-9);
  AddGauge(&families[1], {{"x", "y"}}, std::numeric_limits<double>::infinity());
  AddGauge(&families[1], {{"x", "z"}}, std::numeric_limits<double>::quiet_NaN());
  HistogramCell cell(DurationBounds());
  for (const double value : {1e-5, 0.003, 7.0}) cell.Observe(value);
  cell.AddTo(&Add(&families[2], {})->histogram);
  cell.AddTo(&Add(&families[2], {{"stage", "write"}})->histogram);
  return families;
}

// Lines with each number as it reads, so that 2e-05 and 2e-5 are one.
std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    const size_t at = line.rfind(' ');
    const bool is_comment = line[0] == '#';
    lines.push_back(is_comment ? line
                               : line.substr(0, at) + " " + std::to_string(std::stod(line.substr(at))));
  }
  return lines;
}

TEST(TextFormatTest, SaysWhatPrometheusCppSays) {
  std::ostringstream theirs;
  prometheus::TextSerializer().Serialize(theirs, Families());
  EXPECT_EQ(Lines(ToTextFormat(Families())), Lines(theirs.str()));
}

TEST(TextFormatTest, NumbersAreShortAndWholeOnesStayWhole) {
  std::vector<MetricFamily> families = {Family("a_total", "Counts.", MetricType::Counter)};
  for (const double value : {0.0001, 123'456'789'012.0, 1e6, 0.0}) AddCounter(&families[0], {}, value);
  EXPECT_EQ(ToTextFormat(families),
            "# HELP a_total Counts.\n# TYPE a_total counter\n"
            "a_total 0.0001\na_total 123456789012\na_total 1000000\na_total 0\n");
}

}  // namespace
}  // namespace adscore::server

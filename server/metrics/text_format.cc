#include "server/metrics/text_format.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <string_view>

namespace adscore::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricType;

void AppendNumber(double value, std::string* text) {
  if (std::isnan(value)) {
    text->append("NaN");
  } else if (std::isinf(value)) {
    text->append(value > 0 ? "+Inf" : "-Inf");
  } else {
    constexpr double kWhole = 1LL << 53;  // up to here a double holds every whole number
    const bool is_whole = std::fabs(value) < kWhole && value == std::trunc(value);
    char digits[32];
    char* const end = digits + sizeof(digits);
    text->append(digits, is_whole ? std::to_chars(digits, end, static_cast<int64_t>(value)).ptr
                                  : std::to_chars(digits, end, value, std::chars_format::general).ptr);
  }
}

void AppendEscaped(std::string_view value, bool is_quoted, std::string* text) {
  for (const char c : value) {
    if (c == '\n') {
      text->append("\\n");
    } else if (c == '\\' || (c == '"' && is_quoted)) {
      text->append({'\\', c});
    } else {
      text->push_back(c);
    }
  }
}

// `name="value",…` of all labels, for every line of the metric.
std::string LabelsOf(const ClientMetric& metric) {
  std::string text;
  for (const ClientMetric::Label& label : metric.label) {
    if (!text.empty()) text.push_back(',');
    text.append(label.name).append("=\"");
    AppendEscaped(label.value, /*is_quoted=*/true, &text);
    text.push_back('"');
  }
  return text;
}

void AppendLine(std::string_view name, std::string_view suffix, const std::string& labels, double value,
                std::string* text) {
  text->append(name).append(suffix);
  if (!labels.empty()) text->append("{").append(labels).append("}");
  text->push_back(' ');
  AppendNumber(value, text);
  text->push_back('\n');
}

void AppendHistogram(const std::string& name, const std::string& labels,
                     const ClientMetric::Histogram& histogram, std::string* text) {
  AppendLine(name, "_count", labels, static_cast<double>(histogram.sample_count), text);
  AppendLine(name, "_sum", labels, histogram.sample_sum, text);
  for (const ClientMetric::Bucket& bucket : histogram.bucket) {
    text->append(name).append("_bucket{").append(labels).append(labels.empty() ? "le=\"" : ",le=\"");
    AppendNumber(bucket.upper_bound, text);
    text->append("\"} ");
    AppendNumber(static_cast<double>(bucket.cumulative_count), text);
    text->push_back('\n');
  }
}

const char* TypeName(MetricType type) {
  switch (type) {
    case MetricType::Counter:
      return "counter";
    case MetricType::Gauge:
      return "gauge";
    case MetricType::Histogram:
      return "histogram";
    default:
      return "untyped";
  }
}

}  // namespace

std::string ToTextFormat(const std::vector<prometheus::MetricFamily>& families) {
  std::string text;
  for (const prometheus::MetricFamily& family : families) {
    text.append("# HELP ").append(family.name).append(" ");
    AppendEscaped(family.help, /*is_quoted=*/false, &text);
    text.append("\n# TYPE ").append(family.name).append(" ").append(TypeName(family.type)).append("\n");
    for (const ClientMetric& metric : family.metric) {
      const std::string labels = LabelsOf(metric);
      if (family.type == MetricType::Histogram) {
        AppendHistogram(family.name, labels, metric.histogram, &text);
      } else {
        const bool is_counter = family.type == MetricType::Counter;
        AppendLine(family.name, "", labels, is_counter ? metric.counter.value : metric.gauge.value, &text);
      }
    }
  }
  return text;
}

}  // namespace adscore::server

#include "trainer/report/chart.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "trainer/report/html.h"

namespace adscore::trainer::report {
namespace {

// Units of the view box, which the page scales to the room that there is.
constexpr double kWidth = 420;
constexpr double kHeight = 300;
constexpr double kLeft = 56;
constexpr double kRight = 406;
constexpr double kTop = 24;
constexpr double kBottom = 252;

std::string Tip(const std::string& tip) {
  return tip.empty() ? "" : absl::StrCat("<title>", Escape(tip), "</title>");
}

}  // namespace

std::vector<double> Ticks(double low, double high) {
  const double rough = (high - low) / 5;
  if (!(rough > 0) || !std::isfinite(rough)) return {low};
  const double magnitude = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * magnitude;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * magnitude >= rough * 0.99) {
      step = factor * magnitude;
      break;
    }
  }
  std::vector<double> ticks;
  for (double n = std::ceil(low / step - 1e-9); n * step <= high + step * 1e-9; ++n) {
    ticks.push_back(n == 0 ? 0 : n * step);
  }
  return ticks;
}

Chart::Chart(Axis x, Axis y, const std::string& description)
    : x_(std::move(x)), y_(std::move(y)), description_(description) {
  if (!(x_.high > x_.low)) x_.high = x_.low + 1;
  if (!(y_.high > y_.low)) y_.high = y_.low + 1;
}

double Chart::X(double x) const {
  const double share = std::clamp((x - x_.low) / (x_.high - x_.low), 0.0, 1.0);
  return kLeft + share * (kRight - kLeft);
}

double Chart::Y(double y) const {
  const double share = std::clamp((y - y_.low) / (y_.high - y_.low), 0.0, 1.0);
  return kBottom - share * (kBottom - kTop);
}

std::string Chart::Path(const std::vector<Point>& points) const {
  std::string path;
  for (const Point& point : points) {
    absl::StrAppendFormat(&path, "%s%.1f %.1f", path.empty() ? "M" : "L", X(point.x), Y(point.y));
  }
  return path;
}

void Chart::Line(const std::vector<Point>& points, const std::string& style) {
  absl::StrAppend(&marks_, "<path class=\"line ", style, "\" d=\"", Path(points), "\"/>\n");
}

void Chart::Area(const std::vector<Point>& points, const std::string& style) {
  if (points.empty()) return;
  absl::StrAppendFormat(&marks_, "<path class=\"area %s\" d=\"%sL%.1f %.1fL%.1f %.1fZ\"/>\n", style,
                        Path(points), X(points.back().x), kBottom, X(points.front().x), kBottom);
}

void Chart::Bar(double left, double right, double height, const std::string& style, const std::string& tip) {
  absl::StrAppendFormat(
      &marks_, "<rect class=\"bar %s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">%s</rect>\n",
      style, X(left), Y(height), std::max(0.5, X(right) - X(left) - 1), kBottom - Y(height), Tip(tip));
}

void Chart::Dot(Point point, double low, double high, const std::string& style, const std::string& tip) {
  absl::StrAppendFormat(&marks_,
                        "<g>%s<path class=\"line %s\" d=\"M%.1f %.1fV%.1f\"/>"
                        "<circle class=\"dot %s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"/></g>\n",
                        Tip(tip), style, X(point.x), Y(low), Y(high), style, X(point.x), Y(point.y));
}

void Chart::Legend(const std::vector<std::pair<std::string, std::string>>& style_and_name) {
  double x = kLeft;
  for (const auto& [style, name] : style_and_name) {
    absl::StrAppendFormat(&legend_,
                          "<rect class=\"bar solid %s\" x=\"%.1f\" y=\"7\" width=\"12\" height=\"4\"/>"
                          "<text x=\"%.1f\" y=\"13\">%s</text>\n",
                          style, x, x + 16, Escape(name));
    x += 30 + 6.2 * static_cast<double>(name.size());
  }
}

std::string Chart::Grid() const {
  std::string grid;
  for (const double tick : Ticks(x_.low, x_.high)) {
    absl::StrAppendFormat(&grid,
                          "<path class=\"grid\" d=\"M%.1f %.1fV%.1f\"/>"
                          "<text class=\"middle\" x=\"%.1f\" y=\"%.1f\">%g</text>\n",
                          X(tick), kTop, kBottom, X(tick), kBottom + 15, tick);
  }
  for (const double tick : Ticks(y_.low, y_.high)) {
    absl::StrAppendFormat(&grid,
                          "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>"
                          "<text class=\"end\" x=\"%.1f\" y=\"%.1f\">%g</text>\n",
                          kLeft, Y(tick), kRight, kLeft - 5, Y(tick) + 4, tick);
  }
  absl::StrAppendFormat(
      &grid,
      "<text class=\"middle title\" x=\"%.1f\" y=\"%.1f\">%s</text>"
      "<text class=\"middle title\" transform=\"translate(13 %.1f) rotate(-90)\">%s</text>\n",
      (kLeft + kRight) / 2, kHeight - 12, Escape(x_.title), (kTop + kBottom) / 2, Escape(y_.title));
  return grid;
}

std::string Chart::Svg() const {
  return absl::StrFormat("<svg viewBox=\"0 0 %g %g\" role=\"img\" aria-label=\"%s\">\n%s%s%s</svg>\n", kWidth,
                         kHeight, Escape(description_), Grid(), marks_, legend_);
}

}  // namespace adscore::trainer::report

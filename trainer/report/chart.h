// A chart as inline SVG: two axes, and what is drawn between them. Colours are classes that the page's style
// fills in, so that they follow light and dark.
//
// Not thread-safe: one owner per object.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace adscore::trainer::report {

struct Point {
  double x = 0;
  double y = 0;
};

struct Axis {
  std::string title;
  double low = 0;
  double high = 1;
};

class Chart {
 public:
  // `description` is what a screen reader says.
  Chart(Axis x, Axis y, const std::string& description);

  // `style` is a class: "first", "second", "third" or "guide". What lies outside of the axes is cut off.
  void Line(const std::vector<Point>& points, const std::string& style);
  // The area between the line and the x axis.
  void Area(const std::vector<Point>& points, const std::string& style);
  // From (left, 0) to (right, height); `tip` appears when one points at it.
  void Bar(double left, double right, double height, const std::string& style, const std::string& tip);
  // A point, with a line from `low` to `high`.
  void Dot(Point point, double low, double high, const std::string& style, const std::string& tip);

  // The names of what was drawn, in a line above.
  void Legend(const std::vector<std::pair<std::string, std::string>>& style_and_name);

  std::string Svg() const;

 private:
  double X(double x) const;
  double Y(double y) const;
  std::string Path(const std::vector<Point>& points) const;
  std::string Grid() const;

  Axis x_;
  Axis y_;
  std::string description_;
  std::string marks_;
  std::string legend_;
};

// Values for the labels of an axis: round numbers, some four or five of them.
std::vector<double> Ticks(double low, double high);

}  // namespace adscore::trainer::report

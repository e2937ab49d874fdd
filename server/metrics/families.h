// What a scrape is made of: families of metrics, and the values in them.
//
// Thread-safe: functions over the caller's values.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "prometheus/metric_family.h"
#include "server/metrics/cells.h"

namespace adscore::server {

using MetricLabels = std::vector<prometheus::ClientMetric::Label>;

inline prometheus::MetricFamily Family(const char* name, const char* help, prometheus::MetricType type) {
  prometheus::MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  return family;
}

inline prometheus::ClientMetric* Add(prometheus::MetricFamily* family, MetricLabels labels) {
  family->metric.emplace_back();
  family->metric.back().label = std::move(labels);
  return &family->metric.back();
}

inline void AddCounter(prometheus::MetricFamily* family, MetricLabels labels, double value) {
  Add(family, std::move(labels))->counter.value = value;
}

inline void AddGauge(prometheus::MetricFamily* family, MetricLabels labels, double value) {
  Add(family, std::move(labels))->gauge.value = value;
}

// `cell_of(cells)` picks the histogram of one loop's cells.
template <typename Cells, typename CellOf>
void AddHistogram(prometheus::MetricFamily* family, MetricLabels labels, const PerLoop<Cells>& loops,
                  CellOf cell_of) {
  prometheus::ClientMetric* metric = Add(family, std::move(labels));
  for (const auto& cells : loops.all()) cell_of(*cells).AddTo(&metric->histogram);
}

// `cell_of(cells)` picks the counter of one loop's cells.
template <typename Cells, typename CellOf>
double Sum(const PerLoop<Cells>& loops, CellOf cell_of) {
  uint64_t sum = 0;
  for (const auto& cells : loops.all()) sum += cell_of(*cells).value();
  return static_cast<double>(sum);
}

}  // namespace adscore::server

// The text format of Prometheus, version 0.0.4. prometheus-cpp has a writer of it; of a scrape of 20 models
// three quarters went into its streams.
//
// Thread-safe: a function.
#pragma once

#include <string>
#include <vector>

#include "prometheus/metric_family.h"

namespace adscore::server {

// Counters, gauges and histograms, which is all that we have. Numbers are the shortest that read back the
// same.
std::string ToTextFormat(const std::vector<prometheus::MetricFamily>& families);

}  // namespace adscore::server

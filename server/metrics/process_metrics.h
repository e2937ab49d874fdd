// What Prometheus' own client libraries tell of a process, under the names that they use: processor time,
// memory, file descriptors, threads.
//
// Thread-safe: a function over /proc.
#pragma once

#include <vector>

#include "prometheus/metric_family.h"

namespace adscore::server {

// Appends the families of this process. What the system does not tell is left out.
void CollectProcess(std::vector<prometheus::MetricFamily>* families);

}  // namespace adscore::server

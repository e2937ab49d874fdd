// How a shadow's probabilities differ from the stable version's on the same impressions, added up.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "server/metrics/server_metrics.h"
#include "server/registry.h"
#include "server/traffic_sample.h"

namespace adscore::server {

class ShadowComparison {
 public:
  // Compares these two from now on, and forgets what was added up if they are others than before. Null:
  // nothing is compared. Their schemas must be alike. The sample is taken of the stable version's traffic.
  void Between(std::shared_ptr<const ServedModel> stable, std::shared_ptr<const ServedModel> shadow);

  // Scores with both what the stable version has answered since the last call. Takes a while.
  void Run(ServerMetrics* metrics);

  // One per head; empty if nothing is compared.
  const std::vector<ShadowDifference>& differences() const { return differences_; }

 private:
  std::shared_ptr<const ServedModel> stable_;
  std::shared_ptr<const ServedModel> shadow_;
  uint64_t taken_ = 0;  // of the sample
  std::vector<ShadowDifference> differences_;
};

}  // namespace adscore::server

#include "server/metrics/model_totals.h"

namespace adscore::server {

ModelTotals TotalsOf(const ModelMetrics& metrics) {
  ModelTotals totals;
  prometheus::ClientMetric::Histogram passes;
  for (const auto& cells : metrics.all()) {
    const ModelCells::OfScoring& scoring = cells->scoring;
    totals.succeeded += scoring.succeeded.value();
    totals.succeeded_ns += scoring.succeeded_ns.value();
    totals.failed += scoring.failed.value();
    totals.failed_ns += scoring.failed_ns.value();
    totals.queue_ns += scoring.queue_ns.value();
    totals.forward_ns += scoring.forward_ns.value();
    totals.rows += scoring.rows.value();
    cells->forward_duration.AddTo(&passes);
  }
  totals.passes = passes.sample_count;
  return totals;
}

}  // namespace adscore::server

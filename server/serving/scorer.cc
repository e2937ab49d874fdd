#include "server/serving/scorer.h"

namespace adscore::server {

std::span<const float> Scorer::Score(const ServedModel& served,
                                     std::span<const model::Impression> impressions) {
  size_t rows = 0;
  for (const model::Impression& impression : impressions) rows += impression.Rows();
  const size_t count = rows * served.model->heads();
  float* probabilities = probabilities_.Reserve(count);
  const Time start = clock_->Now();
  served.model->Score(impressions, &scratch_, probabilities);
  ModelCells& cells = served.metrics->of(loop_);
  last_pass_ = clock_->Now() - start;
  cells.forward_duration.Observe(Seconds(last_pass_));
  cells.batch_rows.Observe(static_cast<double>(rows));
  cells.rows.Add(rows);
  return {probabilities, count};
}

void Scorer::CountPredictions(const ServedModel& served, std::span<const float> probabilities) const {
  const size_t heads = served.model->heads();
  for (size_t h = 0; h < heads; ++h) {
    HistogramCell& cell = served.head_metrics[h]->of(loop_);
    for (size_t i = h; i < probabilities.size(); i += heads) cell.Observe(probabilities[i]);
  }
}

}  // namespace adscore::server

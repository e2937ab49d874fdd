#include "server/serving/scorer.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace adscore::server {

std::span<const float> Scorer::Score(const ServedModel& served,
                                     std::span<const model::Impression> impressions) {
  size_t rows = 0;
  for (const model::Impression& impression : impressions) rows += impression.Rows();
  const size_t count = rows * served.model->heads();
  float* probabilities = probabilities_.Reserve(count);
  const Time start = clock_->Now();
  served.model->Score(impressions, &scratch_, probabilities);
  last_pass_ = clock_->Now() - start;
  // A test's clock may say that all of it took less than the layers did.
  const std::chrono::nanoseconds encoding = last_pass_ - scratch_.layers_time;
  cells_->encode_duration.Observe(Seconds(std::max(encoding, std::chrono::nanoseconds(0))));
  ModelCells& cells = served.metrics->of(loop_);
  cells.forward_duration.Observe(Seconds(scratch_.layers_time));
  cells.batch_rows.Observe(static_cast<double>(rows));
  served.version_metrics->of(loop_).rows.Add(rows);
  return {probabilities, count};
}

Time Scorer::Answer(ImpressionJob* job, const ServedModel& served, std::span<const float> probabilities,
                    Time start) {
  job->Answer(served, probabilities);
  const Time end = clock_->Now();
  cells_->write_duration.Observe(Seconds(end - start));
  return end;
}

void Scorer::Sample(const ServedModel& served, const model::Impression& impression) {
  const Time now = clock_->Now();
  served.traffic->Offer(now, impression);
  features_.Offer(now, served, impression);
}

void Scorer::CountPredictions(const ServedModel& served, std::span<const float> probabilities) const {
  const size_t heads = served.model->heads();
  for (size_t h = 0; h < heads; ++h) {
    HistogramCell& cell = served.version_metrics->of(loop_).predictions[h];
    std::array<uint32_t, kProbabilityBuckets> counts{};
    double sum = 0;
    for (size_t i = h; i < probabilities.size(); i += heads) {
      ++counts[ProbabilityBucket(probabilities[i])];
      sum += probabilities[i];
    }
    cell.ObserveCounted(counts, sum);
  }
}

}  // namespace adscore::server

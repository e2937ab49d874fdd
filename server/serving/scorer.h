// One forward pass, the answers that come of it and the counts, with the memory that it needs.
//
// Not thread-safe: one per serving loop.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>

#include "model/aligned.h"
#include "model/model.h"
#include "server/answered_requests.h"
#include "server/clock.h"
#include "server/metrics/server_metrics.h"
#include "server/registry.h"
#include "server/serving/feature_counter.h"
#include "server/serving/impression_job.h"
#include "server/serving/request_sampler.h"

namespace adscore::server {

class Scorer {
 public:
  // `loop`: the number of the loop, whose cells of `metrics` it writes. `answered`: null if nobody keeps
  // requests. The pointers must outlive the scorer.
  Scorer(size_t loop, ServerMetrics* metrics, const Clock* clock, AnsweredRequests* answered)
      : loop_(loop),
        cells_(&metrics->loop(loop)),
        clock_(clock),
        answered_(answered),
        sampler_(loop),
        features_(loop) {}

  // Probabilities of all impressions, in order: [rows][heads], valid until the next call.
  std::span<const float> Score(const ServedModel& served, std::span<const model::Impression> impressions);

  // How long the last Score took: encoding and layers.
  std::chrono::nanoseconds last_pass() const { return last_pass_; }

  // Answers `job` with what Score returned for it, and counts how long that took from `start` on. Returns the
  // time when it was done.
  Time Answer(ImpressionJob* job, const ServedModel& served, std::span<const float> probabilities,
              Time start);

  Time Now() const { return clock_->Now(); }

  // Before `impression` is answered with `probabilities`: keeps a copy of both, if somebody wants one and it
  // is of the sample.
  void Keep(const ServedModel& served, const model::Impression& impression,
            std::span<const float> probabilities) {
    if (answered_ == nullptr || !sampler_.Take(answered_->share())) return;
    answered_->Offer(served, impression, probabilities);
  }

  // Takes a sample of what was asked, for whoever compares versions and for the counts of features.
  void Sample(const ServedModel& served, const model::Impression& impression);

  // Counts what Score returned in the histograms of predictions. Apart from it, so that the answers can go
  // out first: nobody waits for this.
  void CountPredictions(const ServedModel& served, std::span<const float> probabilities) const;

 private:
  const size_t loop_;
  LoopCells* const cells_;
  const Clock* const clock_;
  AnsweredRequests* const answered_;
  RequestSampler sampler_;
  FeatureCounter features_;
  model::ScoreScratch scratch_;
  model::AlignedFloats probabilities_;
  std::chrono::nanoseconds last_pass_{};
};

}  // namespace adscore::server

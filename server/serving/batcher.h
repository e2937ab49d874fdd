// The queue of one serving loop and what becomes of it: admits impressions, says when a batch is due, and
// runs it: drop what has expired or was cancelled, pin the models once, decode, one forward pass per model,
// answer, count.
//
// Not thread-safe: one per serving loop. The admission, the registry and the clock are shared by all loops.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "model/model.h"
#include "server/answered_requests.h"
#include "server/clock.h"
#include "server/metrics/server_metrics.h"
#include "server/registry.h"
#include "server/serving/admission.h"
#include "server/serving/batch_policy.h"
#include "server/serving/impression_job.h"
#include "server/serving/large_impressions.h"
#include "server/serving/scorer.h"
#include "server/serving/service_rate.h"

namespace adscore::server {

class Batcher {
 public:
  // `loop`: the number of the loop, whose cells of `metrics` it writes. `answered`: takes a sample of what is
  // answered; null: nobody does. All of these must outlive the batcher.
  Batcher(size_t loop, const BatchLimits& limits, Admission* admission, const Registry* registry,
          ServerMetrics* metrics, const Clock* clock, AnsweredRequests* answered = nullptr);

  // Queues a job that has just arrived, or refuses it at once.
  void Enqueue(ImpressionJob* job);

  // Whether a batch should run now.
  BatchDecision Decide() const;

  // Takes a batch from the front of the queue and ends every job in it; then scores a slice of the first
  // large impression. Nothing if nothing is queued.
  void RunBatch();

  bool empty() const { return queue_.empty() && large_.empty(); }

 private:
  // Impressions of one batch that are scored by one model.
  struct Group {
    const ServedModel* served = nullptr;
    std::vector<ImpressionJob*> jobs;
    std::vector<model::Impression> impressions;
  };

  std::optional<Refusal> Admit(const ImpressionJob& job) const;
  size_t RowsAheadOf(const ImpressionJob& job) const;
  void TakeBatch();
  void RunGroups();
  size_t RunSlice();
  std::optional<Refusal> Choose(ImpressionJob* job, const ServedModels& models, const ServedModel** served,
                                model::Impression* impression) const;
  std::optional<Refusal> GivenUp(const ImpressionJob& job, Time now) const;
  void Assign(ImpressionJob* job, const ServedModels& models);
  Group& GroupOf(const ServedModel* served);
  void Refuse(ImpressionJob* job, Refusal refusal, const ServedModel* served);

  // Constant after construction.
  const BatchLimits limits_;
  Admission* const admission_;
  const Registry* const registry_;
  const Clock* const clock_;
  LoopCells* const cells_;

  std::vector<ImpressionJob*> queue_;  // those that fit in a batch, in order of arrival
  size_t queued_rows_ = 0;             // in queue_
  LargeImpressions large_;             // the others
  ServiceRate rate_;
  Time last_end_{};  // of the last batch

  // Of the batch that runs. Kept, so that their memory is allocated once.
  std::vector<ImpressionJob*> batch_;
  std::vector<Group> groups_;
  size_t groups_used_ = 0;
  size_t rows_scored_ = 0;
  Scorer scorer_;
};

}  // namespace adscore::server

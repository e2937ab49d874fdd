// The queue of one serving loop and what becomes of it: admits impressions, says when a batch is due, and
// runs it: drop what has expired or was cancelled, pin the models once, decode, one forward pass per model,
// answer, count.
//
// Not thread-safe: one per serving loop. The admission, the registry and the clock are shared by all loops.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "model/aligned.h"
#include "model/model.h"
#include "server/clock.h"
#include "server/metrics/server_metrics.h"
#include "server/registry.h"
#include "server/serving/admission.h"
#include "server/serving/batch_policy.h"
#include "server/serving/impression_job.h"

namespace adscore::server {

class Batcher {
 public:
  // `loop`: the number of the loop, whose cells of `metrics` it writes. All of these must outlive the
  // batcher.
  Batcher(size_t loop, const BatchLimits& limits, Admission* admission, const Registry* registry,
          ServerMetrics* metrics, const Clock* clock);

  // Queues a job that has just arrived, or refuses it at once.
  void Enqueue(ImpressionJob* job);

  // Whether a batch should run now.
  BatchDecision Decide() const;

  // Takes a batch from the front of the queue and ends every job in it. Nothing if the queue is empty.
  void RunBatch();

  bool empty() const { return queue_.empty(); }

 private:
  // Impressions of one batch that are scored by one model.
  struct Group {
    const ServedModel* served = nullptr;
    std::vector<ImpressionJob*> jobs;
    std::vector<model::Impression> impressions;
    size_t rows = 0;
  };

  void TakeBatch();
  void Assign(ImpressionJob* job, const ServedModels& models);
  Group& GroupOf(const ServedModel* served);
  void Score(const Group& group);
  void Refuse(ImpressionJob* job, Refusal refusal, const ServedModel* served);

  // Constant after construction.
  const size_t loop_;
  const BatchLimits limits_;
  Admission* const admission_;
  const Registry* const registry_;
  const Clock* const clock_;
  LoopCells* const cells_;

  std::deque<ImpressionJob*> queue_;  // in order of arrival
  size_t queued_rows_ = 0;            // in queue_

  // Of the batch that runs. Kept, so that their memory is allocated once.
  std::vector<ImpressionJob*> batch_;
  std::vector<Group> groups_;
  size_t groups_used_ = 0;
  model::ScoreScratch scratch_;
  model::AlignedFloats probabilities_;
};

}  // namespace adscore::server

// Impressions with more candidates than a batch holds: scored slice by slice, so that small impressions get
// their turn in between, and answered when the last slice is done, by the version that scored the first.
//
// Not thread-safe: one per serving loop.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "server/refusal.h"
#include "server/registry.h"
#include "server/serving/impression_job.h"
#include "server/serving/scorer.h"

namespace adscore::server {

class LargeImpressions {
 public:
  bool empty() const { return waiting_.empty(); }
  size_t rows_left() const { return rows_left_; }  // of all of them, not scored yet

  // Behind those that are there already.
  void Add(ImpressionJob* job);

  // The job whose turn it is; there must be one. `is_new`: none of its slices has been scored.
  ImpressionJob* front() const { return waiting_.front(); }
  bool is_new() const { return served_ == nullptr; }

  // Chooses the model for a new front job. `models` is held until the job ends.
  void Begin(std::shared_ptr<const ServedModels> models, const ServedModel* served,
             const model::Impression& impression);

  // Scores up to `rows` more candidates of the front job, which must have begun; answers it if they were the
  // last. Returns how many.
  size_t RunSlice(size_t rows, Scorer* scorer);

  // Forgets the front job, which is about to be refused. Returns how many of its rows were not scored.
  size_t Drop();

 private:
  void Next();

  std::deque<ImpressionJob*> waiting_;  // in order of arrival
  size_t rows_left_ = 0;

  // Of the front job, once it has begun.
  std::shared_ptr<const ServedModels> models_;
  const ServedModel* served_ = nullptr;
  model::Impression impression_;      // begin: the next candidate to score
  std::vector<float> probabilities_;  // [rows scored][heads]
};

}  // namespace adscore::server

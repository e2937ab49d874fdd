#include "server/serving/large_impressions.h"

#include <algorithm>
#include <utility>

namespace adscore::server {

void LargeImpressions::Add(ImpressionJob* job) {
  waiting_.push_back(job);
  rows_left_ += job->rows;
}

void LargeImpressions::Begin(std::shared_ptr<const ServedModels> models, const ServedModel* served,
                             const model::Impression& impression) {
  models_ = std::move(models);
  served_ = served;
  impression_ = impression;
  impression_.begin = 0;
  probabilities_.clear();
}

size_t LargeImpressions::RunSlice(size_t rows, Scorer* scorer) {
  ImpressionJob* job = front();
  model::Impression slice = impression_;
  slice.end = slice.begin + rows;
  rows = slice.Rows();
  const std::span<const float> scored = scorer->Score(*served_, {&slice, 1});
  job->forward += scorer->last_pass();
  probabilities_.insert(probabilities_.end(), scored.begin(), scored.end());
  scorer->CountPredictions(*served_, scored);
  impression_.begin += rows;
  rows_left_ -= rows;
  if (impression_.begin < job->rows) return rows;
  if (served_->model->damaged()) {
    job->Refuse(Refusal::kModelDamaged, served_);
  } else {
    scorer->Keep(*served_, impression_, probabilities_);
    scorer->Answer(job, *served_, probabilities_, scorer->Now());
  }
  Next();
  return rows;
}

size_t LargeImpressions::Drop() {
  const size_t left = front()->rows - (is_new() ? 0 : impression_.begin);
  rows_left_ -= left;
  Next();
  return left;
}

void LargeImpressions::Next() {
  waiting_.pop_front();
  served_ = nullptr;
  models_.reset();
}

}  // namespace adscore::server

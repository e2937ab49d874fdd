#include "server/snapshots/shadow_comparison.h"

#include <cmath>
#include <utility>

#include "server/snapshots/guards.h"

namespace adscore::server {

void ShadowComparison::Between(std::shared_ptr<const ServedModel> stable,
                               std::shared_ptr<const ServedModel> shadow) {
  if (shadow == nullptr) stable = nullptr;
  if (stable_ == stable && shadow_ == shadow) return;
  stable_ = std::move(stable);
  shadow_ = std::move(shadow);
  taken_ = 0;
  differences_.clear();
  if (shadow_ == nullptr) return;
  for (const model::Head& head : stable_->model->snapshot().heads)
    differences_.push_back({.head = head.name});
}

void ShadowComparison::Run(ServerMetrics* metrics) {
  if (shadow_ == nullptr) return;
  const std::vector<SampledImpression> sampled = stable_->traffic->Since(&taken_);
  const std::vector<float> stable = ScoreSample(*stable_->model, sampled);
  const std::vector<float> shadow = ScoreSample(*shadow_->model, sampled);
  if (stable_->model->damaged() || shadow_->model->damaged()) return;
  const size_t heads = differences_.size();
  for (size_t h = 0; h < heads; ++h) {
    ShadowDifference& sum = differences_[h];
    HistogramCell* cell = metrics->ForShadow(stable_->name, sum.head);
    for (size_t i = h; i < stable.size(); i += heads) {
      ++sum.rows;
      sum.stable_sum += stable[i];
      sum.shadow_sum += shadow[i];
      sum.absolute_sum += std::fabs(shadow[i] - stable[i]);
      cell->Observe(shadow[i] - stable[i]);
    }
  }
}

}  // namespace adscore::server

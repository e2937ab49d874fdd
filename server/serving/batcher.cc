#include "server/serving/batcher.h"

#include <memory>
#include <optional>
#include <span>

#include "server/serving/model_choice.h"

namespace adscore::server {

Batcher::Batcher(size_t loop, const BatchLimits& limits, Admission* admission, const Registry* registry,
                 ServerMetrics* metrics, const Clock* clock)
    : loop_(loop),
      limits_(limits),
      admission_(admission),
      registry_(registry),
      clock_(clock),
      cells_(&metrics->loop(loop)) {}

void Batcher::Enqueue(ImpressionJob* job) {
  if (const std::optional<Refusal> refusal = admission_->Admit(job->rows)) {
    Refuse(job, *refusal, nullptr);
    return;
  }
  queue_.push_back(job);
  queued_rows_ += job->rows;
}

BatchDecision Batcher::Decide() const {
  if (queue_.empty()) return {};
  return DecideBatch(queued_rows_, queue_.front()->arrival, clock_->Now(), limits_);
}

void Batcher::RunBatch() {
  TakeBatch();
  if (batch_.empty()) return;
  groups_used_ = 0;
  // Held until every job is answered: an answer's version is that of the very model that computed it.
  const std::shared_ptr<const ServedModels> models = registry_->Pin();
  for (ImpressionJob* job : batch_) Assign(job, *models);
  for (size_t g = 0; g < groups_used_; ++g) Score(groups_[g]);
}

void Batcher::TakeBatch() {
  batch_.clear();
  size_t rows = 0;
  while (!queue_.empty()) {
    ImpressionJob* job = queue_.front();
    if (!batch_.empty() && rows + job->rows > limits_.max_batch_rows) break;
    rows += job->rows;
    batch_.push_back(job);
    queue_.pop_front();
  }
  queued_rows_ -= rows;
  admission_->Release(rows);
  const Time now = clock_->Now();
  for (const ImpressionJob* job : batch_) cells_->queue_duration.Observe(Seconds(now - job->arrival));
}

void Batcher::Assign(ImpressionJob* job, const ServedModels& models) {
  if (job->cancelled) return Refuse(job, Refusal::kCancelled, nullptr);
  if (job->deadline <= clock_->Now()) return Refuse(job, Refusal::kDeadlineExceeded, nullptr);
  const ModelChoice choice = ChooseModel(models, job->model, job->version);
  if (choice.served == nullptr) return Refuse(job, choice.refusal, nullptr);
  model::Impression impression;
  if (const std::optional<Refusal> refusal = job->Decode(*choice.served, &impression)) {
    return Refuse(job, *refusal, choice.served);
  }
  Group& group = GroupOf(choice.served);
  group.jobs.push_back(job);
  group.impressions.push_back(impression);
  group.rows += impression.candidates.rows;
}

Batcher::Group& Batcher::GroupOf(const ServedModel* served) {
  for (size_t g = 0; g < groups_used_; ++g) {
    if (groups_[g].served == served) return groups_[g];
  }
  if (groups_used_ == groups_.size()) groups_.emplace_back();
  Group& group = groups_[groups_used_++];
  group.served = served;
  group.jobs.clear();
  group.impressions.clear();
  group.rows = 0;
  return group;
}

void Batcher::Score(const Group& group) {
  const ServedModel& served = *group.served;
  const size_t heads = served.model->heads();
  float* probabilities = probabilities_.Reserve(group.rows * heads);

  const Time start = clock_->Now();
  served.model->Score(group.impressions, &scratch_, probabilities);
  ModelCells& cells = served.metrics->of(loop_);
  cells.forward_duration.Observe(Seconds(clock_->Now() - start));
  cells.batch_rows.Observe(static_cast<double>(group.rows));
  cells.rows.Add(group.rows);

  const float* next = probabilities;
  for (size_t j = 0; j < group.jobs.size(); ++j) {
    const size_t count = group.impressions[j].candidates.rows * heads;
    group.jobs[j]->Answer(served, std::span(next, count));
    next += count;
  }
  // After the answers: nobody waits for this.
  for (size_t h = 0; h < heads; ++h) {
    HistogramCell& cell = served.head_metrics[h]->of(loop_);
    for (size_t r = 0; r < group.rows; ++r) cell.Observe(probabilities[r * heads + h]);
  }
}

void Batcher::Refuse(ImpressionJob* job, Refusal refusal, const ServedModel* served) {
  cells_->rejected[static_cast<size_t>(refusal)].Add(1);
  job->Refuse(refusal, served);
}

}  // namespace adscore::server

#include "server/serving/batcher.h"

#include <algorithm>
#include <chrono>
#include <span>

#include "server/serving/model_choice.h"

namespace adscore::server {

Batcher::Batcher(size_t loop, const BatchLimits& limits, Admission* admission, const Registry* registry,
                 ServerMetrics* metrics, const Clock* clock, AnsweredRequests* answered)
    : limits_(limits),
      admission_(admission),
      registry_(registry),
      clock_(clock),
      cells_(&metrics->loop(loop)),
      scorer_(loop, metrics, clock, answered) {}

void Batcher::Enqueue(ImpressionJob* job) {
  if (const std::optional<Refusal> refusal = Admit(*job)) {
    const auto backlog = rate_.TimeFor(queued_rows_ + large_.rows_left());
    job->retry_after =
        std::max(std::chrono::ceil<std::chrono::milliseconds>(backlog), std::chrono::milliseconds(1));
    return Refuse(job, *refusal, nullptr);
  }
  if (job->rows > limits_.max_batch_rows) return large_.Add(job);
  queue_.push_back(job);
  queued_rows_ += job->rows;
}

std::optional<Refusal> Batcher::Admit(const ImpressionJob& job) const {
  if (const std::optional<Refusal> refusal = admission_->Admit(job.rows)) return refusal;
  std::optional<Refusal> refusal = GivenUp(job, clock_->Now());
  // Half of the time that is left is for what we don't see: the way here, from a socket that may have been
  // full, and the way back. With less, a server under overload answers everybody just too late.
  // With nothing ahead of it, trying is cheaper than guessing; and without a try there is no better guess.
  if (!refusal.has_value() && !empty() && job.deadline != kNever &&
      rate_.TimeFor(RowsAheadOf(job) + job.rows) > (job.deadline - job.arrival) / 2) {
    refusal = Refusal::kDeadlineTooClose;
  }
  if (refusal.has_value()) admission_->Release(job.rows);
  return refusal;
}

// A slice of a large impression runs between two batches, whatever waits.
size_t Batcher::RowsAheadOf(const ImpressionJob& job) const {
  const bool is_large = job.rows > limits_.max_batch_rows;
  return queued_rows_ +
         (is_large ? large_.rows_left() : std::min(large_.rows_left(), limits_.max_batch_rows));
}

BatchDecision Batcher::Decide() const {
  if (!large_.empty()) return {.kind = BatchDecision::Kind::kRun};
  if (queue_.empty()) return {};
  return DecideBatch(queued_rows_, queue_.front()->arrival, clock_->Now(), limits_);
}

void Batcher::RunBatch() {
  if (empty()) return;
  const Time oldest = queue_.empty() ? large_.front()->arrival : queue_.front()->arrival;
  rows_scored_ = 0;
  TakeBatch();
  const bool saturated = !empty();
  RunGroups();
  if (!large_.empty()) rows_scored_ += RunSlice();
  const Time end = clock_->Now();
  rate_.Observe(rows_scored_, end - std::max(last_end_, oldest), saturated);
  last_end_ = end;
}

void Batcher::TakeBatch() {
  size_t rows = 0;
  auto end = queue_.begin();
  while (end != queue_.end() && (rows == 0 || rows + (*end)->rows <= limits_.max_batch_rows)) {
    rows += (*end++)->rows;
  }
  batch_.assign(queue_.begin(), end);
  queue_.erase(queue_.begin(), end);
  queued_rows_ -= rows;
  admission_->Release(rows);
  const Time now = clock_->Now();
  for (ImpressionJob* job : batch_) {
    job->started = now;
    job->forward = {};
    cells_->queue_duration.Observe(Seconds(now - job->arrival));
  }
}

void Batcher::RunGroups() {
  groups_used_ = 0;
  if (batch_.empty()) return;
  // Held until every job is answered: an answer's version is that of the very model that computed it.
  const std::shared_ptr<const ServedModels> models = registry_->Pin();
  for (ImpressionJob* job : batch_) Assign(job, *models);
  for (const Group& group : std::span(groups_).first(groups_used_)) {
    const std::span<const float> probabilities = scorer_.Score(*group.served, group.impressions);
    if (group.served->model->damaged()) {
      for (ImpressionJob* job : group.jobs) Refuse(job, Refusal::kModelDamaged, group.served);
      continue;
    }
    scorer_.Sample(*group.served, group.impressions.front());
    size_t begin = 0;
    Time now = clock_->Now();
    for (size_t j = 0; j < group.jobs.size(); ++j) {
      const size_t count = group.impressions[j].Rows() * group.served->model->heads();
      const std::span<const float> of_job = probabilities.subspan(begin, count);
      group.jobs[j]->forward = scorer_.last_pass();
      scorer_.Keep(*group.served, group.impressions[j], of_job);
      now = scorer_.Answer(group.jobs[j], *group.served, of_job, now);
      begin += count;
    }
    scorer_.CountPredictions(*group.served, probabilities);
    rows_scored_ += begin / group.served->model->heads();
  }
}

// Returns how many rows it scored: none if the impression was dropped.
size_t Batcher::RunSlice() {
  ImpressionJob* job = large_.front();
  std::optional<Refusal> refusal;
  const ServedModel* served = nullptr;
  if (large_.is_new()) {
    job->started = clock_->Now();
    job->forward = {};
    cells_->queue_duration.Observe(Seconds(job->started - job->arrival));
    std::shared_ptr<const ServedModels> models = registry_->Pin();
    model::Impression impression;
    refusal = Choose(job, *models, &served, &impression);
    if (!refusal.has_value()) {
      scorer_.Sample(*served, impression);
      large_.Begin(std::move(models), served, impression);
    }
  } else {
    refusal = GivenUp(*job, clock_->Now());
  }
  if (refusal.has_value()) {
    admission_->Release(large_.Drop());
    Refuse(job, *refusal, served);
    return 0;
  }
  const size_t rows = large_.RunSlice(limits_.max_batch_rows, &scorer_);
  admission_->Release(rows);
  return rows;
}

// The model of a job, if there is one, and its features as an impression; or why it can't be scored.
std::optional<Refusal> Batcher::Choose(ImpressionJob* job, const ServedModels& models,
                                       const ServedModel** served, model::Impression* impression) const {
  const Time start = clock_->Now();
  if (const std::optional<Refusal> refusal = GivenUp(*job, start)) return refusal;
  const ModelChoice choice = ChooseModel(models, job->wanted);
  *served = choice.served;
  if (choice.served == nullptr) return choice.refusal;
  const std::optional<Refusal> refusal = job->Decode(*choice.served, impression);
  cells_->decode_duration.Observe(Seconds(clock_->Now() - start));
  return refusal;
}

// Nobody waits for the answer any more.
std::optional<Refusal> Batcher::GivenUp(const ImpressionJob& job, Time now) const {
  if (job.cancelled) return Refusal::kCancelled;
  if (job.deadline <= now) return Refusal::kDeadlineExceeded;
  return std::nullopt;
}

void Batcher::Assign(ImpressionJob* job, const ServedModels& models) {
  model::Impression impression;
  const ServedModel* served = nullptr;
  if (const std::optional<Refusal> refusal = Choose(job, models, &served, &impression)) {
    return Refuse(job, *refusal, served);
  }
  Group& group = GroupOf(served);
  group.jobs.push_back(job);
  group.impressions.push_back(impression);
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
  return group;
}

void Batcher::Refuse(ImpressionJob* job, Refusal refusal, const ServedModel* served) {
  cells_->rejected[static_cast<size_t>(refusal)].Add(1);
  job->Refuse(refusal, served);
}

}  // namespace adscore::server

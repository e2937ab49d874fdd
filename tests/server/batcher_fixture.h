// A batcher with one small model "ads" and jobs that remember how they ended; no network, a clock that tests
// move.
//
// Not thread-safe.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/serving/batcher.h"
#include "tests/model/tiny_snapshot.h"
#include "tests/server/fake_clock.h"
#include "tests/server/served_models.h"

namespace adscore::server {

// Remembers how it ended.
class FakeJob final : public ImpressionJob {
 public:
  FakeJob(const model::Schema& schema, size_t candidates, uint64_t seed)
      : context_(schema, model::FeatureRole::kContext, 1, seed),
        candidates_(schema, model::FeatureRole::kCandidate, candidates, seed) {
    rows = candidates;
  }

  std::optional<Refusal> Decode(const ServedModel&, model::Impression* decoded) override {
    *decoded = impression();
    return decode_refusal;
  }
  void Answer(const ServedModel& served, std::span<const float> probabilities) override {
    ++ended;
    answered_version = served.version;
    answer.assign(probabilities.begin(), probabilities.end());
  }
  void Refuse(Refusal why, const ServedModel*) override {
    ++ended;
    refusal = why;
  }

  model::Impression impression() const {
    return {.context = context_.columns, .candidates = candidates_.columns};
  }

  std::optional<Refusal> decode_refusal;
  int ended = 0;
  int64_t answered_version = 0;
  std::vector<float> answer;
  std::optional<Refusal> refusal;

 private:
  model::testing::RandomColumns context_;
  model::testing::RandomColumns candidates_;
};

class BatcherTest : public ::testing::Test {
 protected:
  BatcherTest() { Publish(snapshot_, "ads", 7); }

  void Publish(const model::testing::TinySnapshot& snapshot, const std::string& name, int64_t version) {
    retired_.push_back(
        registry_.Publish(name, {.stable = MakeServed(snapshot.snapshot(), name, version, &metrics_)}));
  }

  FakeJob& EnqueueDue(size_t rows, std::chrono::milliseconds from_now) {
    return Enqueue(rows, "ads", clock_.Now() + from_now);
  }
  FakeJob& Enqueue(size_t rows, const std::string& model = "ads", Time deadline = kNever) {
    FakeJob& job = jobs_.emplace_back(snapshot_.snapshot().schema, rows, jobs_.size() + 1);
    model_names_.push_back(model);
    job.wanted.model = model_names_.back();
    job.arrival = clock_.Now();
    job.deadline = deadline;
    batcher_.Enqueue(&job);
    return job;
  }

  // Teaches the batcher how fast it is.
  void RunAtOneMillisecondPerRow() {
    Enqueue(10);
    clock_.Advance(std::chrono::milliseconds(10));
    batcher_.RunBatch();
  }

  static prometheus::ClientMetric::Histogram Sum(const HistogramCell& cell) {
    prometheus::ClientMetric::Histogram sum;
    cell.AddTo(&sum);
    return sum;
  }
  uint64_t RowsOfVersion7() {
    return metrics_.ForVersion("ads", 7, {"click", "conversion"}, 0)->of(0).rows.value();
  }
  uint64_t Passes(const std::string& model) {
    return Sum(metrics_.ForModel(model)->of(0).batch_rows).sample_count;
  }
  uint64_t Rejected(Refusal refusal) {
    return metrics_.loop(0).rejected[static_cast<size_t>(refusal)].value();
  }

  const model::testing::TinySnapshot snapshot_;
  FakeClock clock_;
  Registry registry_;
  Admission admission_{100};
  ServerMetrics metrics_{1, [] { return LiveState{}; }};
  std::vector<std::shared_ptr<const ServedModels>> retired_;
  AnsweredRequests answered_{0, 1 << 20};  // nothing is kept unless a test wants it
  Batcher batcher_{0, {.max_batch_rows = 16}, &admission_, &registry_, &metrics_, &clock_, &answered_};
  std::deque<FakeJob> jobs_;
  std::deque<std::string> model_names_;
};

inline void ExpectNear(const std::vector<float>& expected, const std::vector<float>& actual) {
  ASSERT_EQ(expected.size(), actual.size());
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(expected[i], actual[i], 1e-6) << "value " << i;
}

}  // namespace adscore::server

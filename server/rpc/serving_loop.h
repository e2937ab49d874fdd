// One serving loop: a thread, its completion queue, its batcher. Drain, then run: it blocks for the first
// event, takes every further one that is there already, and scores what has arrived in one batch. While it
// computes, arrivals collect in the completion queue: that is the next batch.
//
// The constructor, Start, Stop and the destructor are for the owner's thread, Wake and CallsUnderWay for any;
// everything else for the loop's own.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <tuple>
#include <vector>

#include "adscore/v1/prediction_service.grpc.pb.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpcpp/alarm.h"
#include "grpcpp/grpcpp.h"
#include "server/clock.h"
#include "server/metrics/server_metrics.h"
#include "server/registry.h"
#include "server/rpc/completion_tag.h"
#include "server/rpc/inference_service.h"
#include "server/rpc/scoring_call.h"
#include "server/rpc/serving_parts.h"
#include "server/rpc/stream_call.h"
#include "server/rpc/stream_job.h"
#include "server/rpc/unary_call.h"
#include "server/rpc/watch_call.h"
#include "server/serving/admission.h"
#include "server/serving/batcher.h"
#include "tensorflow/serving/prediction_service.grpc.pb.h"

namespace adscore::server {

// What the loops answer. (ModelService is not among it: see model_service.h.)
struct Services {
  explicit Services(const ServingParts& parts) : inference(parts) {}

  v1::PredictionService::AsyncService prediction;
  InferenceServiceImpl inference;  // its ModelInfer
  tensorflow::serving::PredictionService::AsyncService tensorflow_prediction;
  grpc::health::v1::Health::AsyncService health;
};

class ServingLoop {
 public:
  // `services` must outlive the loop.
  ServingLoop(size_t number, const BatchLimits& limits, const ServingParts& parts, Services* services,
              std::unique_ptr<grpc::ServerCompletionQueue> queue);
  ~ServingLoop();

  ServingLoop(const ServingLoop&) = delete;
  ServingLoop& operator=(const ServingLoop&) = delete;

  // Once the gRPC server has started.
  void Start();
  // Once the gRPC server has shut down. Ends what is queued, empties the completion queue, joins the thread.
  void Stop();

  // What health depends on may have changed: whoever watches it is told. Not after Stop.
  void Wake();
  // Requests that arrived before the drain began and whose answers gRPC has not sent yet.
  int64_t CallsUnderWay() const { return under_way_.load(std::memory_order_relaxed); }

  // For the calls of this loop.
  template <typename Job>
  void OnScoringCallArrived(ScoringCall<Job>* call);
  void PostStream();
  void PostWatch();
  StreamJob* TakeStreamJob();
  template <typename Job>
  void Recycle(ScoringCall<Job>* call) {
    std::get<Calls<ScoringCall<Job>>>(scoring_calls_).idle.push_back(call);
  }
  void Recycle(StreamCall* call) { streams_.idle.push_back(call); }
  void Recycle(StreamJob* job) { stream_jobs_.idle.push_back(job); }
  void Recycle(WatchCall* call) { watches_.idle.push_back(call); }
  void CountUnderWay(int change) {
    under_way_.store(under_way_.load(std::memory_order_relaxed) + change, std::memory_order_relaxed);
  }
  // Counts a call that has been answered; `served`: the model it was meant for, or null.
  void Count(Method method, const ServedModel* served, grpc::StatusCode code, const ImpressionJob& job);
  grpc::ServerCompletionQueue* queue() { return queue_.get(); }
  Services& services() { return *services_; }
  Batcher& batcher() { return batcher_; }
  const Registry& registry() const { return *parts_.registry; }
  const Admission& admission() const { return *parts_.admission; }
  const Clock& clock() const { return *parts_.clock; }

 private:
  using GetModelCall = UnaryCall<v1::GetModelRequest, v1::GetModelResponse>;
  using CheckCall = UnaryCall<grpc::health::v1::HealthCheckRequest, grpc::health::v1::HealthCheckResponse>;

  // Scoring calls of each method that wait in each completion queue. gRPC uses them in turns, so with many of
  // them each finds its memory out of the cache. A call that finds none waits inside gRPC until the next one
  // is posted.
  static constexpr size_t kPostedScoringCalls = 8;

  template <typename Call>
  struct Calls {
    std::vector<std::unique_ptr<Call>> all;  // as many as were ever under way at a time
    std::vector<Call*> idle;                 // those that wait for nothing
    size_t posted = 0;                       // that wait for a call; counted for scoring calls only
  };

  void Count(Method method, const ServedModel* served, grpc::StatusCode code,
             std::chrono::nanoseconds duration) const;
  ModelCells& CellsOf(const ServedModel* served) const;
  void Run();
  void PostScoringCalls();
  template <typename Call>
  void PostAhead(Calls<Call>* calls, size_t wanted);
  bool HandleEvents();
  void OnWake(bool ok);
  void OnStop(bool ok);
  template <typename Call>
  Call* Take(Calls<Call>* calls);
  template <typename Call>
  void Post(Calls<Call>* calls);
  void PostLookups();
  grpc::Status GetModel(const v1::GetModelRequest& request, v1::GetModelResponse* response);
  grpc::Status Check(const grpc::health::v1::HealthCheckRequest& request,
                     grpc::health::v1::HealthCheckResponse* response) const;

  // Constant after construction.
  const size_t number_;
  const ServingParts parts_;
  Services* const services_;
  const ModelMetrics* const no_model_;  // of calls that name no model that serves
  const std::unique_ptr<grpc::ServerCompletionQueue> queue_;

  Batcher batcher_;
  std::tuple<Calls<PredictCall>, Calls<InferCall>, Calls<TensorFlowCall>> scoring_calls_;
  Calls<StreamCall> streams_;
  Calls<StreamJob> stream_jobs_;
  Calls<WatchCall> watches_;
  std::vector<std::unique_ptr<GetModelCall>> get_model_calls_;
  std::vector<std::unique_ptr<CheckCall>> check_calls_;
  int64_t looks_ = 1;      // without an event, before the next batch
  bool stopping_ = false;  // nothing may be posted any more

  std::atomic<int64_t> under_way_{0};   // written by the loop's thread alone
  std::atomic<bool> is_waking_{false};  // an alarm is set and has not been heard yet
  MemberTag<ServingLoop> wake_tag_{this, &ServingLoop::OnWake};
  grpc::Alarm wake_alarm_;
  MemberTag<ServingLoop> stop_tag_{this, &ServingLoop::OnStop};
  grpc::Alarm stop_alarm_;
  std::thread thread_;
};

template <typename Call>
Call* ServingLoop::Take(Calls<Call>* calls) {
  if (calls->idle.empty()) {
    calls->all.push_back(std::make_unique<Call>(this));
    calls->idle.push_back(calls->all.back().get());
  }
  Call* call = calls->idle.back();
  calls->idle.pop_back();
  return call;
}

template <typename Call>
void ServingLoop::Post(Calls<Call>* calls) {
  if (!stopping_) Take(calls)->Post();
}

template <typename Call>
void ServingLoop::PostAhead(Calls<Call>* calls, size_t wanted) {
  for (; calls->posted < wanted && !stopping_; ++calls->posted) Post(calls);
}

// As a rule the next one is posted after the batch: this call should not wait for it. But a burst must not
// run out of them.
template <typename Job>
void ServingLoop::OnScoringCallArrived(ScoringCall<Job>* /*call*/) {
  auto& calls = std::get<Calls<ScoringCall<Job>>>(scoring_calls_);
  --calls.posted;
  PostAhead(&calls, kPostedScoringCalls / 2);
}

}  // namespace adscore::server

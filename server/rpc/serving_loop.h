// One serving loop: a thread, its completion queue, its batcher. Drain, then run: it blocks for the first
// event, takes every further one that is there already, and scores what has arrived in one batch. While it
// computes, arrivals collect in the completion queue: that is the next batch.
//
// The constructor, Start, Stop and the destructor are for the owner's thread; everything else for the loop's
// own.
#pragma once

#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

#include "adscore/v1/model_service.grpc.pb.h"
#include "adscore/v1/prediction_service.grpc.pb.h"
#include "grpcpp/alarm.h"
#include "grpcpp/grpcpp.h"
#include "server/clock.h"
#include "server/metrics/server_metrics.h"
#include "server/registry.h"
#include "server/rpc/completion_tag.h"
#include "server/rpc/predict_call.h"
#include "server/rpc/unary_call.h"
#include "server/serving/admission.h"
#include "server/serving/batcher.h"

namespace adscore::server {

// What the loops share. All of it outlives them.
struct ServingParts {
  Admission* admission = nullptr;
  const Registry* registry = nullptr;
  ServerMetrics* metrics = nullptr;
  const Clock* clock = nullptr;
};

class ServingLoop {
 public:
  ServingLoop(size_t number, const BatchLimits& limits, const ServingParts& parts,
              v1::PredictionService::AsyncService* prediction, v1::ModelService::AsyncService* models,
              std::unique_ptr<grpc::ServerCompletionQueue> queue);
  ~ServingLoop();

  ServingLoop(const ServingLoop&) = delete;
  ServingLoop& operator=(const ServingLoop&) = delete;

  // Once the gRPC server has started.
  void Start();
  // Once the gRPC server has shut down. Ends what is queued, empties the completion queue, joins the thread.
  void Stop();

  // For the calls of this loop.
  void PostPredict();
  void Recycle(PredictCall* call) { idle_.push_back(call); }
  // Counts a call that has been answered; `served`: the model it was meant for, or null.
  void Count(Method method, const ServedModel* served, grpc::StatusCode code, Time arrival);
  grpc::ServerCompletionQueue* queue() { return queue_.get(); }
  v1::PredictionService::AsyncService* prediction_service() { return prediction_; }
  Batcher& batcher() { return batcher_; }
  const Registry& registry() const { return *parts_.registry; }
  const Admission& admission() const { return *parts_.admission; }
  const Clock& clock() const { return *parts_.clock; }

 private:
  using GetModelCall = UnaryCall<v1::GetModelRequest, v1::GetModelResponse>;
  using ListModelsCall = UnaryCall<v1::ListModelsRequest, v1::ListModelsResponse>;

  void Run();
  bool HandleEvents();
  void OnStop(bool ok);
  void PostLookups();
  grpc::Status GetModel(const v1::GetModelRequest& request, v1::GetModelResponse* response);
  grpc::Status ListModels(const v1::ListModelsRequest& request, v1::ListModelsResponse* response);

  // Constant after construction.
  const size_t number_;
  const ServingParts parts_;
  v1::PredictionService::AsyncService* const prediction_;
  v1::ModelService::AsyncService* const models_;
  const ModelMetrics* const no_model_;  // of calls that name no model that serves
  const std::unique_ptr<grpc::ServerCompletionQueue> queue_;

  Batcher batcher_;
  std::vector<std::unique_ptr<PredictCall>> calls_;  // all of them, as many as were ever under way at a time
  std::vector<PredictCall*> idle_;                   // those that wait for nothing
  std::vector<std::unique_ptr<GetModelCall>> get_model_calls_;
  std::vector<std::unique_ptr<ListModelsCall>> list_models_calls_;
  bool stopping_ = false;  // nothing may be posted any more

  MemberTag<ServingLoop> stop_tag_{this, &ServingLoop::OnStop};
  grpc::Alarm stop_alarm_;
  std::thread thread_;
};

}  // namespace adscore::server

// Many impressions in flight over one connection: what unary calls (PredictPipeline) and a stream
// (StreamPipeline) have in common, for callers that take either.
//
// Thread-safe for one thread that starts requests and one that takes answers; they may be the same thread.
#pragma once

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "adscore/v1/prediction_service.pb.h"
#include "grpcpp/support/status.h"

namespace adscore::client {

class Pipeline {
 public:
  struct Answer {
    uint64_t id;  // as given to Start
    const grpc::Status& status;
    const v1::PredictResponse& response;  // meaningful if `status` is OK
  };

  Pipeline() = default;
  // Waits for what is in flight, at most for its deadline.
  virtual ~Pipeline() = default;

  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // Starts a request with the client's deadline; `request` is free again on return. Waits while as many as
  // the pipeline was made for are in flight: a thread that also takes the answers must not let it come to
  // that.
  virtual void Start(uint64_t id, const v1::PredictRequest& request) = 0;

  // No more requests will be started.
  virtual void Close() = 0;

  // Waits for the next answer, in whatever order they come, and hands it to `take`. False, without an answer,
  // once the pipeline is closed and empty. Nothing is ever tried again: each Start has exactly one answer.
  virtual bool Next(absl::FunctionRef<void(const Answer&)> take) = 0;
};

}  // namespace adscore::client

// Many Predict calls in flight over one connection, on a completion queue.
//
// Thread-safe for one thread that starts calls and one that takes answers; they may be the same thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/functional/function_ref.h"
#include "client/client.h"
#include "grpcpp/completion_queue.h"

namespace adscore::client {

class PredictPipeline {
 public:
  struct Answer {
    uint64_t id;  // as given to Start
    const grpc::Status& status;
    const v1::PredictResponse& response;  // meaningful if `status` is OK
  };

  // At most `capacity` calls in flight, each with the client's deadline. `client` must outlive the pipeline.
  PredictPipeline(Client* client, size_t capacity);
  // Waits for the calls in flight, at most for their deadline.
  ~PredictPipeline();

  PredictPipeline(const PredictPipeline&) = delete;
  PredictPipeline& operator=(const PredictPipeline&) = delete;

  // Starts a call; `request` is free again on return. Waits while `capacity` calls are in flight: a thread
  // that also takes the answers must not let it come to that.
  void Start(uint64_t id, const v1::PredictRequest& request);

  // No more calls will be started.
  void Close();

  // Waits for the next answer, in whatever order they come, and hands it to `take`. False, without an answer,
  // once the pipeline is closed and empty.
  bool Next(absl::FunctionRef<void(const Answer&)> take);

 private:
  struct Call;

  Client* const client_;
  grpc::CompletionQueue queue_;
  std::vector<std::unique_ptr<Call>> calls_;
  bool closed_ = false;  // of the thread that starts calls

  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<Call*> free_;  // guarded by mutex_
};

}  // namespace adscore::client

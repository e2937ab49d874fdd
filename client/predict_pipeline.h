// Many Predict calls in flight over one connection, on a completion queue.
//
// Thread-safe as pipeline.h says.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/functional/function_ref.h"
#include "client/client.h"
#include "client/pipeline.h"
#include "grpcpp/completion_queue.h"

namespace adscore::client {

class PredictPipeline final : public Pipeline {
 public:
  // At most `capacity` calls in flight. `client` must outlive the pipeline.
  PredictPipeline(Client* client, size_t capacity);
  ~PredictPipeline() override;

  void Start(uint64_t id, const v1::PredictRequest& request) override;
  void Close() override;
  bool Next(absl::FunctionRef<void(const Answer&)> take) override;

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

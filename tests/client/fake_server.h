// A server in the test's own process that answers as the test wants: plain synchronous gRPC on a loopback
// port.
//
// Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "adscore/v1/model_service.grpc.pb.h"
#include "adscore/v1/prediction_service.grpc.pb.h"
#include "grpcpp/server.h"

namespace adscore::client {

// One model, "ads": features hour (context, numeric), ad (candidate, categorical), bid (candidate, numeric);
// head click. Predict and PredictStream answer with each candidate's bid as its probability.
class FakeServer final : public v1::PredictionService::Service, public v1::ModelService::Service {
 public:
  enum class Health { kUnknown, kSaid };  // kSaid: with grpc.health.v1.Health, SERVING at first
  explicit FakeServer(int port = 0, Health health = Health::kUnknown);  // port 0: any that is free
  ~FakeServer() override;

  std::string target() const;

  // What it serves from now on: a request with another fingerprint gets FAILED_PRECONDITION.
  void Serve(int64_t version, uint64_t fingerprint, const std::vector<std::string>& heads = {"click"});
  // Every `n`-th request fails with `status`, be it a call or one of a stream; 0: none.
  void FailEvery(uint64_t n, const grpc::Status& status);
  // What health says of adscore.v1.PredictionService from now on; for a server with kSaid.
  void SayServing(bool serving);
  // Every `n`-th answer is that of another bid; 0: none.
  void ErrEvery(uint64_t n) { err_every_ = n; }
  // Failures carry this as their "grpc-retry-pushback-ms".
  void PushBack(const std::string& milliseconds);
  // Every request takes so long, or until its caller gives up.
  void set_delay(std::chrono::milliseconds delay) { delay_ms_ = delay.count(); }
  // Streams wait until `n` requests are there, or no more will come, and answer the last one first.
  void AnswerStreamsBackwards(size_t n) { backwards_ = n; }
  // Every stream ends with UNAVAILABLE after `n` answers; 0: none.
  void EndStreamsAfter(uint64_t n) { end_streams_after_ = n; }

  // Requests, in calls and streams.
  uint64_t predict_calls() const { return predict_calls_; }
  uint64_t streams() const { return streams_; }
  uint32_t last_timeout_us() const { return last_timeout_us_; }  // of a request of a stream
  uint64_t get_model_calls() const { return get_model_calls_; }
  v1::PredictRequest last_request();

  grpc::Status Predict(grpc::ServerContext* context, const v1::PredictRequest* request,
                       v1::PredictResponse* response) override;
  grpc::Status PredictStream(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::PredictStreamResponse, v1::PredictStreamRequest>* stream) override;
  grpc::Status GetModel(grpc::ServerContext* context, const v1::GetModelRequest* request,
                        v1::GetModelResponse* response) override;
  grpc::Status ListModels(grpc::ServerContext* context, const v1::ListModelsRequest* request,
                          v1::ListModelsResponse* response) override;
  grpc::Status Pin(grpc::ServerContext* context, const v1::PinRequest* request,
                   v1::ModelStatus* response) override;
  grpc::Status SetCanary(grpc::ServerContext* context, const v1::SetCanaryRequest* request,
                         v1::ModelStatus* response) override;

 private:
  grpc::Status Answer(grpc::ServerContext* context, const v1::PredictRequest& request,
                      v1::PredictResponse* response);

  std::atomic<int64_t> delay_ms_{0};
  std::atomic<uint64_t> err_every_{0};
  std::atomic<size_t> backwards_{1};
  std::atomic<uint64_t> end_streams_after_{0};
  std::atomic<uint64_t> predict_calls_{0};
  std::atomic<uint64_t> streams_{0};
  std::atomic<uint32_t> last_timeout_us_{0};
  std::atomic<uint64_t> get_model_calls_{0};

  std::mutex mutex_;
  // Guarded by mutex_.
  int64_t version_ = 1;
  uint64_t fingerprint_ = 7;
  std::map<int64_t, std::vector<std::string>> heads_ = {{1, {"click"}}};
  uint64_t fail_every_ = 0;
  grpc::Status failure_;
  std::string pushback_;
  v1::PredictRequest last_request_;

  int port_;
  std::unique_ptr<grpc::Server> server_;
};

// A loopback port on which nothing listens, and nobody else will while this lives: only a FakeServer can.
class UnusedPort {
 public:
  UnusedPort();
  ~UnusedPort();
  UnusedPort(const UnusedPort&) = delete;
  UnusedPort& operator=(const UnusedPort&) = delete;

  int number() const { return number_; }
  std::string target() const { return "127.0.0.1:" + std::to_string(number_); }

 private:
  int socket_;
  int number_;
};

}  // namespace adscore::client

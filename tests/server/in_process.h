// A whole server in the test's process, on loopback ports that it picks, and a client to it.
//
// Thread-safe.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "adscore/v1/model_service.grpc.pb.h"
#include "adscore/v1/prediction_service.grpc.pb.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "model/raw_columns.h"
#include "server/server.h"
#include "tests/server/temp_directory.h"

namespace adscore::server {

// A request from its JSON; the test fails if it is none.
v1::PredictRequest ParseRequest(const std::string& json);

// Raw columns as they travel.
void Pack(const model::RawColumns& from, v1::PackedColumns* to);

class InProcess {
 public:
  // Serves what lies in `model_root`. Polls every 10 ms.
  explicit InProcess(const std::string& model_root, size_t max_queued_rows = 16384, int64_t max_delay_us = 0,
                     int64_t drain_delay_ms = 0)
      : InProcess(model_root, max_queued_rows, max_delay_us, drain_delay_ms, {}) {}
  InProcess(const std::string& model_root, const RequestLogOptions& request_log)
      : InProcess(model_root, 16384, 0, 0, request_log) {}

  Server& server() { return *server_; }
  v1::PredictionService::Stub& prediction() { return *prediction_; }
  v1::ModelService::Stub& models() { return *models_; }
  grpc::health::v1::Health::Stub& health() { return *health_; }
  std::shared_ptr<grpc::Channel> channel() { return channel_; }
  int http_port() const { return server_->http_address().port; }

  grpc::Status Predict(const v1::PredictRequest& request, v1::PredictResponse* response,
                       std::chrono::milliseconds timeout = std::chrono::seconds(20));
  // SERVING, NOT_SERVING, or a status code's number as text if the check fails.
  std::string Health(const std::string& service);

  // The version of `model` that serves, 0 if none; waits up to 20 s for `wanted`.
  int64_t AwaitVersion(const std::string& model, int64_t wanted);

 private:
  InProcess(const std::string& model_root, size_t max_queued_rows, int64_t max_delay_us,
            int64_t drain_delay_ms, const RequestLogOptions& request_log);

  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::PredictionService::Stub> prediction_;
  std::unique_ptr<v1::ModelService::Stub> models_;
  std::unique_ptr<grpc::health::v1::Health::Stub> health_;
};

}  // namespace adscore::server

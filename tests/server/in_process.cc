#include "tests/server/in_process.h"

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <thread>

namespace adscore::server {
namespace {

std::unique_ptr<Server> StartOrDie(const ServerOptions& options) {
  auto server = Server::Start(options);
  if (!server.ok()) {
    std::cerr << server.status() << std::endl;
    std::abort();
  }
  return *std::move(server);
}

}  // namespace

v1::PredictRequest ParseRequest(const std::string& json) {
  v1::PredictRequest request;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &request);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return request;
}

void Pack(const model::RawColumns& from, v1::PackedColumns* to) {
  to->mutable_numeric()->Add(from.numeric.begin(), from.numeric.end());
  to->mutable_categorical()->Add(from.categorical.begin(), from.categorical.end());
  to->mutable_multi_count()->Add(from.multi_count.begin(), from.multi_count.end());
  to->mutable_multi()->Add(from.multi.begin(), from.multi.end());
}

InProcess::InProcess(const std::string& model_root, size_t max_queued_rows, int64_t max_delay_us,
                     int64_t drain_delay_ms, const RequestLogOptions& request_log) {
  ServerOptions options;
  options.model_root = model_root;
  options.listen.port = 0;
  options.http_listen.port = 0;
  options.serving_threads = 2;
  options.max_queued_rows = max_queued_rows;
  options.batch.max_delay = std::chrono::microseconds(max_delay_us);
  options.poll_interval = std::chrono::milliseconds(10);
  options.request_log = request_log;
  options.drain_delay = std::chrono::milliseconds(drain_delay_ms);
  server_ = StartOrDie(options);
  channel_ = grpc::CreateChannel(ToString(server_->grpc_address()), grpc::InsecureChannelCredentials());
  prediction_ = v1::PredictionService::NewStub(channel_);
  models_ = v1::ModelService::NewStub(channel_);
  health_ = grpc::health::v1::Health::NewStub(channel_);
}

grpc::Status InProcess::Predict(const v1::PredictRequest& request, v1::PredictResponse* response,
                                std::chrono::milliseconds timeout) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  return prediction_->Predict(&context, request, response);
}

std::string InProcess::Health(const std::string& service) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(service);
  grpc::health::v1::HealthCheckResponse response;
  const grpc::Status status = health_->Check(&context, request, &response);
  if (!status.ok()) return std::to_string(status.error_code());
  return grpc::health::v1::HealthCheckResponse::ServingStatus_Name(response.status());
}

int64_t InProcess::AwaitVersion(const std::string& model, int64_t wanted) {
  int64_t version = 0;
  for (int i = 0; i < 4000 && version != wanted; ++i) {
    if (i > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    grpc::ClientContext context;
    v1::ListModelsRequest request;
    v1::ListModelsResponse response;
    request.set_model(model);
    if (models_->ListModels(&context, request, &response).ok())
      version = response.models(0).serving_version();
  }
  return version;
}

}  // namespace adscore::server

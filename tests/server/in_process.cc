#include "tests/server/in_process.h"

#include <cstdlib>
#include <iostream>
#include <thread>

#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/impl/codegen/proto_utils.h"

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

InProcess::InProcess(const std::string& model_root, size_t max_queued_rows, int64_t max_delay_us) {
  ServerOptions options;
  options.model_root = model_root;
  options.listen.port = 0;
  options.http_listen.port = 0;
  options.serving_threads = 2;
  options.max_queued_rows = max_queued_rows;
  options.batch.max_delay = std::chrono::microseconds(max_delay_us);
  options.poll_interval = std::chrono::milliseconds(10);
  server_ = StartOrDie(options);
  channel_ = grpc::CreateChannel(ToString(server_->grpc_address()), grpc::InsecureChannelCredentials());
  prediction_ = v1::PredictionService::NewStub(channel_);
  models_ = v1::ModelService::NewStub(channel_);
}

grpc::Status InProcess::Predict(const v1::PredictRequest& request, v1::PredictResponse* response,
                                std::chrono::milliseconds timeout) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  return prediction_->Predict(&context, request, response);
}

// Debian has no generated code for grpc.health.v1; its request is one string field and its answer one enum
// field, so they are written and read byte by byte.
std::string InProcess::Health(const std::string& service) {
  std::string bytes;
  if (!service.empty()) bytes = std::string("\x0a") + static_cast<char>(service.size()) + service;
  const grpc::Slice slice(bytes);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::GenericStub stub(channel_);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", request, &queue);
  call->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  if (!status.ok()) return std::to_string(status.error_code());
  grpc::Slice answer;
  if (!response.DumpToSingleSlice(&answer).ok() || answer.size() != 2) return "unreadable";
  return answer.begin()[1] == 1 ? "SERVING" : "NOT_SERVING";
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

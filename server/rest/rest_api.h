// The Open Inference Protocol over REST: what comes in as JSON goes to the gRPC service as any other client's
// call would, through a channel within the process. So it is admitted, batched, counted and drained in the
// one way there is.
//   GET  /v2                                      the server
//   GET  /v2/health/live, /v2/health/ready
//   GET  /v2/models/NAME[/versions/V][/ready]
//   POST /v2/models/NAME[/versions/V]/infer
//
// Thread-safe. A call keeps its thread until it is answered.
#pragma once

#include <memory>

#include "grpcpp/grpcpp.h"
#include "inference/grpc_inference_service.grpc.pb.h"
#include "server/http/http_route.h"

namespace adscore::server {

class RestApi {
 public:
  explicit RestApi(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(inference::GRPCInferenceService::NewStub(channel)) {}

  // Errors are {"error": message}.
  HttpAnswer Handle(const HttpRequest& request) const;

 private:
  HttpAnswer Ready() const;
  HttpAnswer ServerMetadata() const;
  HttpAnswer ModelReady(const std::string& name, const std::string& version) const;
  HttpAnswer ModelMetadata(const std::string& name, const std::string& version) const;
  HttpAnswer Infer(const std::string& name, const std::string& version, const std::string& body) const;

  const std::unique_ptr<inference::GRPCInferenceService::Stub> stub_;
};

}  // namespace adscore::server

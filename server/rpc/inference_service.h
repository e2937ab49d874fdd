// inference.GRPCInferenceService: ModelInfer is answered by the serving loops, which ask for its calls as
// they do for Predict's, but as bytes (infer_request.h); what only looks something up is answered here, on
// gRPC's own threads.
//
// Thread-safe.
#pragma once

#include "grpcpp/grpcpp.h"
#include "inference/grpc_inference_service.grpc.pb.h"
#include "server/rpc/serving_parts.h"

namespace adscore::server {

class InferenceServiceImpl final : public inference::GRPCInferenceService::WithRawMethod_ModelInfer<
                                       inference::GRPCInferenceService::Service> {
 public:
  explicit InferenceServiceImpl(const ServingParts& parts) : parts_(parts) {}

  grpc::Status ServerLive(grpc::ServerContext* context, const inference::ServerLiveRequest* request,
                          inference::ServerLiveResponse* response) override;
  grpc::Status ServerReady(grpc::ServerContext* context, const inference::ServerReadyRequest* request,
                           inference::ServerReadyResponse* response) override;
  grpc::Status ModelReady(grpc::ServerContext* context, const inference::ModelReadyRequest* request,
                          inference::ModelReadyResponse* response) override;
  grpc::Status ServerMetadata(grpc::ServerContext* context, const inference::ServerMetadataRequest* request,
                              inference::ServerMetadataResponse* response) override;
  grpc::Status ModelMetadata(grpc::ServerContext* context, const inference::ModelMetadataRequest* request,
                             inference::ModelMetadataResponse* response) override;
  grpc::Status ModelConfig(grpc::ServerContext* context, const inference::ModelConfigRequest* request,
                           inference::ModelConfigResponse* response) override;
  grpc::Status ModelStatistics(grpc::ServerContext* context, const inference::ModelStatisticsRequest* request,
                               inference::ModelStatisticsResponse* response) override;

 private:
  const ServingParts parts_;
};

}  // namespace adscore::server

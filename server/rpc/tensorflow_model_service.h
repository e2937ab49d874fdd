// tensorflow.serving.ModelService: which versions of a model there are. A synchronous service on gRPC's own
// threads.
//
// Thread-safe.
#pragma once

#include "grpcpp/grpcpp.h"
#include "server/rpc/serving_parts.h"
#include "tensorflow/serving/model_service.grpc.pb.h"

namespace adscore::server {

class TensorFlowModelService final : public tensorflow::serving::ModelService::Service {
 public:
  explicit TensorFlowModelService(const ServingParts& parts) : parts_(parts) {}

  grpc::Status GetModelStatus(grpc::ServerContext* context,
                              const tensorflow::serving::GetModelStatusRequest* request,
                              tensorflow::serving::GetModelStatusResponse* response) override;

 private:
  const ServingParts parts_;
};

}  // namespace adscore::server

// adscore.v1.ModelService, for operators: what the server holds, and what they decide about it. A synchronous
// service on gRPC's own threads: a call may wait for a version to load, which no serving loop ever does.
//
// Thread-safe.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "adscore/v1/model_service.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "server/log_limit.h"
#include "server/metrics/server_metrics.h"
#include "server/registry.h"
#include "server/rpc/operator_access.h"
#include "server/snapshots/model_lives.h"

namespace adscore::server {

class ModelServiceImpl final : public v1::ModelService::Service {
 public:
  // Answers those that `access` lets in. `on_change` is called after each decision that was carried out. All
  // of these must outlive the service.
  ModelServiceImpl(OperatorAccess access, ModelLives* lives, const Registry* registry, ServerMetrics* metrics,
                   std::function<void()> on_change)
      : access_(std::move(access)),
        lives_(lives),
        registry_(registry),
        metrics_(metrics),
        on_change_(std::move(on_change)) {}

  grpc::Status ListModels(grpc::ServerContext* context, const v1::ListModelsRequest* request,
                          v1::ListModelsResponse* response) override;
  grpc::Status Pin(grpc::ServerContext* context, const v1::PinRequest* request,
                   v1::ModelStatus* response) override;
  grpc::Status Unpin(grpc::ServerContext* context, const v1::UnpinRequest* request,
                     v1::ModelStatus* response) override;
  grpc::Status RollBack(grpc::ServerContext* context, const v1::RollBackRequest* request,
                        v1::ModelStatus* response) override;
  grpc::Status SetCanary(grpc::ServerContext* context, const v1::SetCanaryRequest* request,
                         v1::ModelStatus* response) override;
  grpc::Status SetShadow(grpc::ServerContext* context, const v1::SetShadowRequest* request,
                         v1::ModelStatus* response) override;

 private:
  grpc::Status Counted(const char* method, const std::function<grpc::Status()>& call);
  // Lets `decide` change the model, logs it, and answers how the model is then.
  grpc::Status Decide(const char* method, const grpc::ServerContext& context, const std::string& model,
                      const std::function<absl::Status(ModelLife&)>& decide, v1::ModelStatus* response);
  grpc::Status NoSuchModel(const std::string& model) const;

  // OK, or PERMISSION_DENIED and a line in the log.
  grpc::Status LetIn(const char* method, bool decides, const grpc::ServerContext& context);

  const OperatorAccess access_;
  ModelLives* const lives_;
  const Registry* const registry_;
  ServerMetrics* const metrics_;
  const std::function<void()> on_change_;
  LogLimit denied_;
  LogLimit failed_;
};

}  // namespace adscore::server

// The gRPC server: the services of adscore.v1, health and reflection on one port, and the serving loops
// behind them.
//
// Thread-safe after Start.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "adscore/v1/model_service.grpc.pb.h"
#include "adscore/v1/prediction_service.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "server/rpc/serving_loop.h"
#include "server/serving/batch_policy.h"

namespace adscore::server {

class GrpcServer {
 public:
  // Listens on `host`:`port`, port 0 picks a free one, with `loops` serving loops. Unavailable if the address
  // is taken or is not ours. Health is NOT_SERVING until UpdateHealth finds a model.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(const std::string& host, int port, size_t loops,
                                                           const BatchLimits& limits,
                                                           const ServingParts& parts);
  ~GrpcServer();  // drains

  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  int port() const { return port_; }

  // Health follows the registry: SERVING for each model that serves, and for the server ("" and
  // "adscore.v1.PredictionService") as soon as one does.
  void UpdateHealth();

  // Health turns NOT_SERVING, new calls are answered UNAVAILABLE, running ones finish. Once no new call has
  // come for 100 ms, or after 1 s, the port closes. Returns when the last call has ended; after 30 s those
  // that still run are cancelled. Once only; a second call returns at once.
  void Drain();

 private:
  explicit GrpcServer(const ServingParts& parts) : parts_(parts) {}

  const ServingParts parts_;
  v1::PredictionService::AsyncService prediction_service_;
  v1::ModelService::AsyncService model_service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::vector<std::unique_ptr<ServingLoop>> loops_;

  std::mutex health_mutex_;
  bool draining_ = false;  // guarded by health_mutex_; health never comes back
};

}  // namespace adscore::server

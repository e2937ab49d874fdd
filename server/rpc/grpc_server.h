// The gRPC server: the services of adscore.v1, the Open Inference Protocol's and TensorFlow Serving's, health
// and reflection on one port, and the serving loops behind them.
//
// Thread-safe after Start.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "grpcpp/grpcpp.h"
#include "server/address.h"
#include "server/rpc/model_service.h"
#include "server/rpc/serving_loop.h"
#include "server/rpc/tensorflow_model_service.h"
#include "server/serving/batch_policy.h"
#include "server/tls_files.h"

namespace adscore::server {

struct GrpcOptions {
  std::string host;
  int port = 0;      // 0 picks a free one
  size_t loops = 1;  // serving loops
  // After this long a connection is closed as soon as its calls are over, so that its client looks for
  // replicas anew. 0: never. gRPC keeps a filter in each call's way for it, some 7 % of the instructions of
  // a small call.
  std::chrono::seconds max_connection_age{0};
  TlsFiles tls{};  // off: plaintext. Read again when they change
  // Callers that may use ModelService, by the names in their certificates; empty: see OperatorAccess.
  std::vector<std::string> operator_clients{};
  // A second listener, where alone ModelService is answered then.
  std::optional<Address> operator_listen{};
};

class GrpcServer {
 public:
  // Listens. `lives` is what operators decide on, and must outlive the server. Unavailable if an address is
  // taken or is not ours; FailedPrecondition for files that CheckTlsFiles refuses.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(const GrpcOptions& options,
                                                           const BatchLimits& limits,
                                                           const ServingParts& parts, ModelLives* lives);
  ~GrpcServer();  // drains, without a delay

  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  int port() const { return port_; }
  // To this server without a network, for other protocols in front of it.
  std::shared_ptr<grpc::Channel> InProcessChannel();
  int operator_port() const { return operator_port_; }  // 0 without operator_listen

  // The registry has changed: whoever watches health (see HealthOf) is told.
  void UpdateHealth();

  // Health turns NOT_SERVING, and for `delay` nothing else changes: time for callers to hear of it and go
  // elsewhere. Then health's watchers' streams end, new calls are answered UNAVAILABLE, running ones finish:
  // for that it waits up to 30 s. Once no new call has come for 100 ms, or after 1 s, the port closes, and
  // callers that still come find their connection closed: UNAVAILABLE again. Once only; a second call returns
  // at once.
  void Drain(std::chrono::milliseconds delay);

 private:
  GrpcServer(const GrpcOptions& options, const ServingParts& parts, ModelLives* lives);
  absl::Status StartOperatorListener(const GrpcOptions& options,
                                     const std::shared_ptr<grpc::ServerCredentials>& credentials);
  void WakeLoops();
  void WaitUntilQuiet() const;

  const ServingParts parts_;
  Services services_;
  ModelServiceImpl model_service_;
  TensorFlowModelService tensorflow_model_service_;
  ModelServiceImpl operator_service_;  // the same, where operators have a listener of their own
  int port_ = 0;
  int operator_port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<grpc::Server> operator_server_;
  std::vector<std::unique_ptr<ServingLoop>> loops_;

  std::mutex drain_mutex_;
  bool draining_ = false;  // guarded by drain_mutex_
};

}  // namespace adscore::server

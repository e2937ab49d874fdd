// The whole server as one value: registry, watcher, gRPC and HTTP wired together. main.cc runs one, tests run
// many.
//
// Thread-safe after Start.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/kernels/kernel_set.h"
#include "server/address.h"
#include "server/clock.h"
#include "server/http/http_server.h"
#include "server/metrics/server_metrics.h"
#include "server/registry.h"
#include "server/request_log/request_log.h"
#include "server/rest/rest_api.h"
#include "server/rpc/grpc_server.h"
#include "server/serving/admission.h"
#include "server/serving/batch_policy.h"
#include "server/snapshots/watcher.h"
#include "server/tls_files.h"

namespace adscore::server {

struct ServerOptions {
  std::string model_root;
  Address listen{"127.0.0.1", 8500};
  Address http_listen{"127.0.0.1", 9464};
  TlsFiles tls;  // see GrpcOptions for these three
  std::vector<std::string> operator_clients;
  std::optional<Address> operator_listen;
  bool rest = true;  // whether the HTTP port scores, under /v2
  size_t serving_threads = 1;
  BatchLimits batch;
  size_t max_queued_rows = 16384;
  std::chrono::seconds max_connection_age{0};   // see GrpcOptions
  std::chrono::milliseconds drain_delay{1000};  // see GrpcServer::Drain
  std::chrono::milliseconds poll_interval{1000};
  RequestLogOptions request_log{};
  std::string warmup_log{};  // what versions are warmed up with before they serve: see WarmUp; empty: nothing
  LifePolicy policy{};
  std::string isa = "auto";
  model::Precision precision = model::Precision::kF32;
};

class Server {
 public:
  // Returns when it answers on both ports and what lay in the model root serves or has been refused; an empty
  // model root is no error. InvalidArgument for an unknown isa, NotFound if the model root is no directory,
  // Unavailable for a port that is taken.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options);

  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // With the ports that were picked.
  const Address& grpc_address() const { return grpc_address_; }
  const Address& http_address() const { return http_address_; }
  const std::optional<Address>& operator_address() const { return operator_address_; }

  // From now on; see RequestLogOptions. Nothing without a request log.
  void SetRequestLogShare(double share);
  // From the next look at the model root on.
  void SetPolicy(const LifePolicy& policy) { lives_->SetPolicy(policy); }

  // See GrpcServer::Drain. /readyz answers 503 meanwhile; /metrics goes on answering.
  void Drain();

 private:
  explicit Server(const ServerOptions& options);
  std::optional<std::string> NotReady() const;

  // In the order in which they need each other.
  const SteadyClock clock_;
  Registry registry_;
  Admission admission_;
  ServerMetrics metrics_;
  const std::chrono::milliseconds drain_delay_;
  Address grpc_address_;
  Address http_address_;
  std::optional<Address> operator_address_;
  std::unique_ptr<RequestLog> request_log_;  // null: there is none
  std::unique_ptr<ModelLives> lives_;
  std::unique_ptr<GrpcServer> grpc_;
  std::unique_ptr<RestApi> rest_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<Watcher> watcher_;
};

}  // namespace adscore::server

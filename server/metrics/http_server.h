// The HTTP port: what Prometheus and a load balancer ask for, and nothing that changes state.
//   /metrics  Prometheus text format
//   /healthz  200 while the process answers
//   /readyz   200 when it can score, otherwise 503 with the reason
//   /v2/…     what a function answers, if there is one
//
// Thread-safe. Handlers run on threads of the HTTP library; the destructor waits for them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "prometheus/collectable.h"
#include "server/http/http_route.h"

namespace adscore::server {

class HttpServer {
 public:
  virtual ~HttpServer() = default;

  // Listens on `host`:`port`, port 0 picks a free one. `not_ready` gives the reason why /readyz is 503, or
  // nothing. `metrics` and what `not_ready` uses must outlive the server. Unavailable if the address is taken
  // or is not ours.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(
      const std::string& host, int port, const prometheus::Collectable& metrics,
      std::function<std::optional<std::string>()> not_ready, HttpFunction v2 = nullptr);

  // The port it listens on.
  virtual int port() const = 0;
};

}  // namespace adscore::server

// The HTTP port: what Prometheus, a load balancer and a person ask for, and scoring for whoever has no gRPC.
// Nothing on it changes state. GET and HEAD only, but for /v2.
//   /             status page
//   /status.json  what the page draws
//   /metrics      Prometheus text format
//   /healthz      200 while the process answers
//   /readyz       200 when it can score, otherwise 503 with the reason
//   /v2, /v2/…    what a function answers
//
// Thread-safe. Pages are made on threads of the HTTP library; the destructor waits for them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "prometheus/collectable.h"
#include "server/http/http_route.h"

namespace adscore::server {

// What the pages tell; called by several threads. `metrics` and what the functions use must outlive the
// server.
struct HttpSources {
  const prometheus::Collectable& metrics;
  std::function<std::optional<std::string>()> not_ready;  // the reason why /readyz is 503, or nothing
  std::function<std::string()> status;                    // JSON, as StatusJson makes it
  HttpFunction v2{};                                      // null: these paths are not found
};

class HttpServer {
 public:
  virtual ~HttpServer() = default;

  // Listens on `host`:`port`, port 0 picks a free one. Unavailable if the address is taken or is not ours.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const std::string& host, int port,
                                                           HttpSources sources);

  // The port it listens on.
  virtual int port() const = 0;
};

}  // namespace adscore::server

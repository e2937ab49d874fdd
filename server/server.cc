#include "server/server.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/kernels/kernel_set.h"
#include "server/http/status_json.h"
#include "server/request_log/warm_up.h"

namespace adscore::server {

Server::Server(const ServerOptions& options)
    : admission_(options.max_queued_rows),
      metrics_(options.serving_threads,
               [this] {
                 LiveState live{.queued_rows = admission_.queued_rows(),
                                .max_queued_rows = admission_.max_queued_rows(),
                                .draining = admission_.draining()};
                 if (request_log_ != nullptr) live.request_log = request_log_->counts();
                 return live;
               }),
      drain_delay_(options.drain_delay),
      grpc_address_(options.listen),
      http_address_(options.http_listen),
      operator_address_(options.operator_listen) {}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(options.model_root, ignored)) {
    return absl::NotFoundError(absl::StrCat("--model-root: ", options.model_root,
                                            " is no directory; create it, or name the one that the trainer "
                                            "publishes into"));
  }
  const auto kernels = model::FindKernelSet(options.isa, options.precision);
  if (!kernels.ok()) return absl::InvalidArgumentError(absl::StrCat("--isa: ", kernels.status().message()));

  std::unique_ptr<Server> server(new Server(options));
  if (!options.request_log.directory.empty()) {
    server->request_log_ =
        std::make_unique<RequestLog>(options.request_log, RotationLimits::For(options.request_log.all_bytes));
  }
  LifeParts parts{.model_root = options.model_root,
                  .kernels = *kernels,
                  .registry = &server->registry_,
                  .metrics = &server->metrics_,
                  .clock = &server->clock_,
                  .policy = options.policy};
  if (!options.warmup_log.empty()) {
    parts.warm_up = [path = options.warmup_log, clock = &server->clock_](const ServedModel& served) {
      WarmUpAndLog(path, served, *clock);
    };
  }
  server->lives_ = std::make_unique<ModelLives>(parts);
  auto grpc = GrpcServer::Start(
      {.host = options.listen.host,
       .port = options.listen.port,
       .loops = options.serving_threads,
       .max_connection_age = options.max_connection_age,
       .tls = options.tls,
       .operator_clients = options.operator_clients,
       .operator_listen = options.operator_listen},
      options.batch,
      {.admission = &server->admission_,
       .registry = &server->registry_,
       .metrics = &server->metrics_,
       .clock = &server->clock_,
       .answered = server->request_log_ == nullptr ? nullptr : &server->request_log_->answered()},
      server->lives_.get());
  if (!grpc.ok()) return grpc.status();
  server->grpc_ = *std::move(grpc);
  server->grpc_address_.port = server->grpc_->port();
  if (server->operator_address_) server->operator_address_->port = server->grpc_->operator_port();

  server->rest_ = std::make_unique<RestApi>(server->grpc_->InProcessChannel());
  auto http = HttpServer::Start(
      options.http_listen.host, options.http_listen.port,
      {.metrics = server->metrics_,
       .not_ready = [raw = server.get()] { return raw->NotReady(); },
       .status = [raw = server.get()] { return StatusJson(raw->metrics_, raw->registry_, raw->NotReady()); },
       .v2 = options.rest ? HttpFunction([raw = server.get()](const HttpRequest& request) {
         return raw->rest_->Handle(request);
       })
                          : HttpFunction()});
  if (!http.ok()) return http.status();
  server->http_ = *std::move(http);
  server->http_address_.port = server->http_->port();

  server->watcher_ = std::make_unique<Watcher>(server->lives_.get(), options.poll_interval,
                                               [raw = server.get()] { raw->grpc_->UpdateHealth(); });
  server->watcher_->WaitForFirstLooks();
  return server;
}

std::optional<std::string> Server::NotReady() const {
  if (admission_.leaving()) return "draining";
  if (registry_.Pin()->empty()) return "no model has a version that serves yet";
  return std::nullopt;
}

void Server::SetRequestLogShare(double share) {
  if (request_log_ != nullptr) request_log_->answered().SetShare(share);
}

void Server::Drain() { grpc_->Drain(drain_delay_); }

}  // namespace adscore::server

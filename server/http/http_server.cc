#include "server/http/http_server.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "civetweb.h"
#include "server/http/status_page.h"
#include "server/metrics/text_format.h"

namespace adscore::server {
namespace {

constexpr int kThreadsForPages = 4;

struct Answer {
  const char* status = "200 OK";
  const char* type = "text/plain; charset=utf-8";
  std::string body;
  const char* more_headers = "";  // lines, each with its end
};

// The page needs its own script and style and its own server, and nothing may frame it or make it load more.
constexpr const char* kPagePolicy =
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n";

Answer Metrics(const HttpSources& sources) {
  return {.type = "text/plain; version=0.0.4; charset=utf-8",
          .body = ToTextFormat(sources.metrics.Collect())};
}

Answer Readiness(const HttpSources& sources) {
  const std::optional<std::string> reason = sources.not_ready();
  if (!reason.has_value()) return {.body = "ready\n"};
  return {.status = "503 Service Unavailable", .body = *reason + "\n"};
}

Answer AnswerTo(const HttpSources& sources, const std::string& path, bool is_read) {
  const bool is_known =
      path == "/" || path == "/status.json" || path == "/metrics" || path == "/healthz" || path == "/readyz";
  if (!is_known) {
    return {.status = "404 Not Found",
            .body = "there are /, /status.json, /metrics, /healthz, /readyz and /v2\n"};
  }
  if (!is_read) {
    return {.status = "405 Method Not Allowed",
            .body = "this port tells and changes nothing: GET or HEAD\n",
            .more_headers = "Allow: GET, HEAD\r\n"};
  }
  if (path == "/metrics") return Metrics(sources);
  if (path == "/readyz") return Readiness(sources);
  if (path == "/healthz") return {.body = "ok\n"};
  if (path == "/status.json") return {.type = "application/json", .body = sources.status()};
  return {.type = "text/html; charset=utf-8", .body = kStatusPage, .more_headers = kPagePolicy};
}

// Of the HTTP library: called for each request. Returns the status for its log.
int Handle(mg_connection* connection, void* sources) {
  const mg_request_info* request = mg_get_request_info(connection);
  const std::string method = request->request_method;
  const Answer answer = AnswerTo(*static_cast<const HttpSources*>(sources), request->local_uri,
                                 method == "GET" || method == "HEAD");
  mg_printf(connection,
            "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n"
            "X-Content-Type-Options: nosniff\r\n%sConnection: close\r\n\r\n",
            answer.status, answer.type, answer.body.size(), answer.more_headers);
  if (method != "HEAD") mg_write(connection, answer.body.data(), answer.body.size());
  return std::atoi(answer.status);
}

class CivetHttpServer final : public HttpServer {
 public:
  CivetHttpServer(std::string host, HttpSources sources)
      : host_(std::move(host)), sources_(std::move(sources)), v2_(sources_.v2) {}

  // False if it can't listen.
  bool Listen(int port) {
    const std::string address = absl::StrCat(host_, ":", port);
    const std::string threads = std::to_string(kThreadsForPages + kMostHttpRequests);
    const char* options[] = {"listening_ports",    address.c_str(), "num_threads", threads.c_str(),
                             "request_timeout_ms", "5000",          nullptr};
    mg_callbacks callbacks{};
    callbacks.log_message = [](const mg_connection*, const char*) {
      return 1;
    };  // our own line says it better
    context_ = mg_start(&callbacks, nullptr, options);
    if (context_ == nullptr) return false;
    mg_server_port listening{};
    mg_get_server_ports(context_, 1, &listening);
    port_ = listening.port;
    mg_set_request_handler(context_, "**", &Handle, &sources_);
    // A path's beginning goes before a pattern.
    if (sources_.v2 != nullptr) mg_set_request_handler(context_, "/v2", &HttpRoute::Handle, &v2_);
    return true;
  }

  // The library's acceptor looks whether it should stop every 2 s, or when a connection comes: so one comes.
  ~CivetHttpServer() override {
    if (context_ == nullptr) return;
    std::atomic<bool> closed = false;
    std::thread waker([&] {
      while (!closed) {
        char ignored[64];
        mg_connection* connection = mg_connect_client(host_.c_str(), port_, 0, ignored, sizeof(ignored));
        if (connection != nullptr) mg_close_connection(connection);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
    });
    mg_stop(context_);
    closed = true;
    waker.join();
  }

  CivetHttpServer(const CivetHttpServer&) = delete;
  CivetHttpServer& operator=(const CivetHttpServer&) = delete;

  int port() const override { return port_; }

 private:
  const std::string host_;
  HttpSources sources_;
  HttpRoute v2_;
  mg_context* context_ = nullptr;  // stopped in the destructor, before the sources go
  int port_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& host, int port,
                                                              HttpSources sources) {
  auto server = std::make_unique<CivetHttpServer>(host, std::move(sources));
  if (server->Listen(port)) return server;
  return absl::UnavailableError(
      absl::StrCat("can't listen on ", host, ":", port,
                   " for HTTP: the port is taken or the address is not one of this "
                   "machine; choose another --http-listen, or port 0 for a free one"));
}

}  // namespace adscore::server

#include "server/metrics/http_server.h"

#include <atomic>
#include <chrono>
#include <sstream>
#include <thread>
#include <utility>
#include <vector>

#include "CivetServer.h"
#include "absl/strings/str_cat.h"
#include "prometheus/text_serializer.h"

namespace adscore::server {
namespace {

using NotReady = std::function<std::optional<std::string>()>;

void Write(mg_connection* connection, const char* status, const char* type, const std::string& body) {
  mg_printf(connection,
            "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n"
            "Connection: close\r\n\r\n",
            status, type, body.size());
  mg_write(connection, body.data(), body.size());
}

constexpr const char* kPlainText = "text/plain; charset=utf-8";

class MetricsPage : public CivetHandler {
 public:
  explicit MetricsPage(const prometheus::Collectable& metrics) : metrics_(metrics) {}
  bool handleGet(CivetServer*, mg_connection* connection) override {
    std::ostringstream text;
    prometheus::TextSerializer().Serialize(text, metrics_.Collect());
    Write(connection, "200 OK", "text/plain; version=0.0.4; charset=utf-8", text.str());
    return true;
  }

 private:
  const prometheus::Collectable& metrics_;
};

class HealthPage : public CivetHandler {
 public:
  bool handleGet(CivetServer*, mg_connection* connection) override {
    Write(connection, "200 OK", kPlainText, "ok\n");
    return true;
  }
};

class ReadyPage : public CivetHandler {
 public:
  explicit ReadyPage(NotReady not_ready) : not_ready_(std::move(not_ready)) {}
  bool handleGet(CivetServer*, mg_connection* connection) override {
    const std::optional<std::string> reason = not_ready_();
    if (reason.has_value()) {
      Write(connection, "503 Service Unavailable", kPlainText, *reason + "\n");
    } else {
      Write(connection, "200 OK", kPlainText, "ready\n");
    }
    return true;
  }

 private:
  const NotReady not_ready_;
};

class CivetHttpServer final : public HttpServer {
 public:
  // Throws CivetException if it can't listen.
  CivetHttpServer(std::string host, const std::vector<std::string>& options, const CivetCallbacks& callbacks,
                  const prometheus::Collectable& metrics, NotReady not_ready, HttpFunction v2)
      : host_(std::move(host)),
        metrics_page_(metrics),
        ready_page_(std::move(not_ready)),
        v2_(v2 == nullptr ? nullptr : MakeHttpRoute(std::move(v2))),
        server_(options, &callbacks) {
    server_.addHandler("/metrics$", metrics_page_);
    server_.addHandler("/healthz$", health_page_);
    server_.addHandler("/readyz$", ready_page_);
    if (v2_ != nullptr) server_.addHandler("/v2", *v2_);
    port_ = server_.getListeningPorts().at(0);
  }

  // The library's acceptor looks whether it should stop every 2 s, or when a connection comes: so one comes.
  ~CivetHttpServer() override {
    std::atomic<bool> closed = false;
    std::thread waker([&] {
      while (!closed) {
        char ignored[64];
        mg_connection* connection = mg_connect_client(host_.c_str(), port_, 0, ignored, sizeof(ignored));
        if (connection != nullptr) mg_close_connection(connection);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
    });
    server_.close();
    closed = true;
    waker.join();
  }

  CivetHttpServer(const CivetHttpServer&) = delete;
  CivetHttpServer& operator=(const CivetHttpServer&) = delete;

  int port() const override { return port_; }

 private:
  const std::string host_;
  MetricsPage metrics_page_;
  HealthPage health_page_;
  ReadyPage ready_page_;
  const std::unique_ptr<CivetHandler> v2_;
  CivetServer server_;  // last: it stops its threads before the pages go
  int port_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& host, int port,
                                                              const prometheus::Collectable& metrics,
                                                              NotReady not_ready, HttpFunction v2) {
  const std::vector<std::string> options = {"listening_ports",
                                            absl::StrCat(host, ":", port),
                                            "num_threads",
                                            std::to_string(2 + kMostHttpRequests),
                                            "request_timeout_ms",
                                            "5000",
                                            "enable_directory_listing",
                                            "no"};
  CivetCallbacks callbacks;
  callbacks.log_message = [](const mg_connection*, const char*) { return 1; };  // our own line says it better
  try {
    return std::make_unique<CivetHttpServer>(host, options, callbacks, metrics, std::move(not_ready),
                                             std::move(v2));
  } catch (const CivetException&) {
    return absl::UnavailableError(absl::StrCat("can't listen on ", host, ":", port,
                                               " for HTTP: the port is taken or the address is not one of "
                                               "this machine; choose another --http-listen, "
                                               "or port 0 for a free one"));
  }
}

}  // namespace adscore::server

// The pages of the HTTP port.
#include "server/http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "server/metrics/server_metrics.h"
#include "tests/server/loopback_http.h"

namespace adscore::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class HttpServerTest : public ::testing::Test {
 protected:
  HttpSources Sources() {
    return {
        .metrics = metrics_,
        .not_ready = [this] { return ready_ ? std::nullopt : std::optional<std::string>("no model yet"); },
        .status = [] { return std::string(R"({"models": []})"); },
        .v2 =
            [](const HttpRequest& request) {
              return HttpAnswer{.body =
                                    (request.is_post ? "post " : "get ") + request.path + " " + request.body};
            }};
  }

  ServerMetrics metrics_{1, [] { return LiveState{.queued_rows = 3}; }};
  std::atomic<bool> ready_{false};
  std::unique_ptr<HttpServer> http_ = *HttpServer::Start("127.0.0.1", 0, Sources());
};

TEST_F(HttpServerTest, MetricsAreInPrometheusTextFormat) {
  const std::string answer = HttpGet(http_->port(), "/metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4"));
  EXPECT_THAT(answer, HasSubstr("\nadscore_queued_rows 3\n"));
}

TEST_F(HttpServerTest, ReadyzSaysWhyItIsNotReady) {
  EXPECT_THAT(HttpGet(http_->port(), "/readyz"), StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(HttpGet(http_->port(), "/readyz"), HasSubstr("no model yet"));
  ready_ = true;
  EXPECT_THAT(HttpGet(http_->port(), "/readyz"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, HealthzAnswersAlsoWhenNotReady) {
  EXPECT_THAT(HttpGet(http_->port(), "/healthz"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, TheStatusPageIsOneDocumentThatLoadsNothingElse) {
  const std::string answer = HttpGet(http_->port(), "/");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/html"));
  EXPECT_THAT(answer, HasSubstr("Content-Security-Policy: default-src 'none'"));
  for (const char* part : {"<title>adscore</title>", "prefers-color-scheme: dark", "async function poll()"}) {
    EXPECT_THAT(answer, HasSubstr(part));  // of each of the three files
  }
  for (const char* mark : {"<link rel=\"stylesheet", "<script src", "@import", "url(", "https://", "<img",
                           "innerHTML", "status_page.css", "status_page.js"}) {
    EXPECT_THAT(answer, Not(HasSubstr(mark)));
  }
  EXPECT_THAT(answer, HasSubstr("</html>"));
}

TEST_F(HttpServerTest, StatusIsJson) {
  const std::string answer = HttpGet(http_->port(), "/status.json");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/json"));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\n{\"models\": []}"));
}

TEST_F(HttpServerTest, OtherPathsAreNotFound) {
  for (const char* path : {"/metrics/x", "/etc/passwd", "/../etc/passwd", "/status", "/index.html"}) {
    EXPECT_THAT(HttpGet(http_->port(), path), StartsWith("HTTP/1.1 404")) << path;
  }
}

TEST_F(HttpServerTest, HeadHasTheHeadersAndNothingElse) {
  for (const char* path : {"/", "/status.json", "/metrics", "/healthz"}) {
    const std::string answer = HttpSend(http_->port(), "HEAD", path);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200")) << path;
    EXPECT_THAT(answer, HasSubstr("Content-Length: "));
    EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
  }
}

TEST_F(HttpServerTest, OtherMethodsAreNotAllowed) {
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "MKCOL"}) {
    for (const char* path : {"/", "/status.json", "/metrics", "/readyz"}) {
      const std::string answer = HttpSend(http_->port(), method, path);
      EXPECT_THAT(answer, StartsWith("HTTP/1.1 405")) << method << " " << path;
    }
  }
  EXPECT_THAT(HttpSend(http_->port(), "POST", "/"), HasSubstr("Allow: GET, HEAD"));
  // Methods that the library has never heard of.
  EXPECT_THAT(HttpSend(http_->port(), "FROB", "/"), StartsWith("HTTP/1.1 4"));
}

TEST_F(HttpServerTest, WhatIsUnderV2IsAnsweredByItsFunction) {
  for (const char* path : {"/v2", "/v2/", "/v2/models/ads"}) {
    EXPECT_TRUE(HttpGet(http_->port(), path).ends_with("\r\n\r\nget " + std::string(path) + " ")) << path;
  }
  EXPECT_TRUE(HttpPost(http_->port(), "/v2/x", "body").ends_with("\r\n\r\npost /v2/x body"));
  EXPECT_TRUE(HttpSend(http_->port(), "HEAD", "/v2").ends_with("\r\n\r\n"));
  EXPECT_THAT(HttpGet(http_->port(), "/v20"), StartsWith("HTTP/1.1 404"));
  for (const char* method : {"PUT", "DELETE", "PATCH", "OPTIONS"}) {
    const std::string answer = HttpSend(http_->port(), method, "/v2");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 405")) << method;
    EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD, POST"));
  }
}

TEST_F(HttpServerTest, ATakenPortIsAnErrorThatNamesTheAddressAndTheWayOut) {
  const auto second = HttpServer::Start("127.0.0.1", http_->port(), Sources());
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr("127.0.0.1:" + std::to_string(http_->port())));
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("--http-listen"));
}

}  // namespace
}  // namespace adscore::server

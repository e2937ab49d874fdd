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
using ::testing::StartsWith;

class HttpServerTest : public ::testing::Test {
 protected:
  ServerMetrics metrics_{1, [] { return LiveState{.queued_rows = 3}; }};
  std::atomic<bool> ready_{false};
  std::unique_ptr<HttpServer> http_ = *HttpServer::Start("127.0.0.1", 0, metrics_, [this] {
    return ready_ ? std::nullopt : std::optional<std::string>("no model yet");
  });
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

TEST_F(HttpServerTest, OtherPathsAreNotFound) {
  EXPECT_THAT(HttpGet(http_->port(), "/"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(HttpGet(http_->port(), "/metrics/x"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(HttpGet(http_->port(), "/etc/passwd"), StartsWith("HTTP/1.1 404"));
}

TEST_F(HttpServerTest, ATakenPortIsAnErrorThatNamesTheAddressAndTheWayOut) {
  const auto second = HttpServer::Start("127.0.0.1", http_->port(), metrics_, [] { return std::nullopt; });
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr("127.0.0.1:" + std::to_string(http_->port())));
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("--http-listen"));
}

}  // namespace
}  // namespace adscore::server

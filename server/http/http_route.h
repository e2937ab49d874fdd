// A part of the HTTP port that takes requests with a body and answers with JSON: reads them within bounds,
// has a function answer, and writes that.
//
// Thread-safe: the function is called by several threads at a time.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>

struct mg_connection;

namespace adscore::server {

struct HttpRequest {
  bool is_post = false;  // otherwise GET, or HEAD, whose answer is sent without its body
  std::string path;      // decoded, without the query
  std::string body;
};

struct HttpAnswer {
  int status = 200;
  std::string body{};     // JSON, or empty
  int retry_after_s = 0;  // 0: the header is left out
};

using HttpFunction = std::function<HttpAnswer(const HttpRequest&)>;

// Requests that may be under way at a time. Each keeps a thread of the HTTP library; further ones are
// answered 503 at once, so that there are always threads for metrics and readiness.
inline constexpr int kMostHttpRequests = 6;
inline constexpr size_t kMaxHttpBody = 16 << 20;

class HttpRoute {
 public:
  explicit HttpRoute(HttpFunction function) : function_(std::move(function)) {}

  // Of the HTTP library: called for each request, `route` is an HttpRoute. Returns the status for its log.
  static int Handle(mg_connection* connection, void* route);

 private:
  HttpAnswer AnswerTo(mg_connection* connection, const std::string& method);

  const HttpFunction function_;
  std::atomic<int> under_way_{0};
};

}  // namespace adscore::server

// A part of the HTTP port that takes requests with a body and answers with JSON: reads them within bounds,
// has a function answer, and writes that.
//
// Thread-safe: the function is called by several threads at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

class CivetHandler;

namespace adscore::server {

struct HttpRequest {
  bool is_post = false;  // otherwise GET
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

std::unique_ptr<CivetHandler> MakeHttpRoute(HttpFunction function);

}  // namespace adscore::server

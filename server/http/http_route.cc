#include "server/http/http_route.h"

#include <atomic>
#include <optional>
#include <utility>

#include "CivetServer.h"
#include "absl/strings/str_cat.h"

namespace adscore::server {
namespace {

void Write(mg_connection* connection, const HttpAnswer& answer) {
  std::string head = absl::StrCat(
      "HTTP/1.1 ", answer.status, " ", mg_get_response_code_text(connection, answer.status),
      "\r\nContent-Length: ", answer.body.size(), "\r\nCache-Control: no-store\r\nConnection: close\r\n");
  if (!answer.body.empty()) absl::StrAppend(&head, "Content-Type: application/json\r\n");
  if (answer.retry_after_s > 0) absl::StrAppend(&head, "Retry-After: ", answer.retry_after_s, "\r\n");
  head += "\r\n";
  mg_write(connection, head.data(), head.size());
  mg_write(connection, answer.body.data(), answer.body.size());
}

// What went wrong while it was read, or nothing.
std::optional<HttpAnswer> ReadBody(mg_connection* connection, std::string* body) {
  const HttpAnswer too_large = {.status = 413,
                                .body = absl::StrCat(R"({"error":"the body is larger than )", kMaxHttpBody,
                                                     R"( bytes; split the request, or use gRPC"})")};
  const long long length = mg_get_request_info(connection)->content_length;  // NOLINT: the library's type
  if (length > static_cast<long long>(kMaxHttpBody)) return too_large;       // NOLINT
  const char* expect = mg_get_header(connection, "Expect");
  if (expect != nullptr) mg_printf(connection, "HTTP/1.1 100 Continue\r\n\r\n");
  char chunk[16 << 10];
  int got = 0;
  while ((got = mg_read(connection, chunk, sizeof(chunk))) > 0) {
    body->append(chunk, static_cast<size_t>(got));
    if (body->size() > kMaxHttpBody) return too_large;
  }
  if (got < 0 || (length > 0 && body->size() != static_cast<size_t>(length))) {
    return HttpAnswer{.status = 400, .body = R"({"error":"the body ended before its Content-Length"})"};
  }
  return std::nullopt;
}

class HttpRoute final : public CivetHandler {
 public:
  explicit HttpRoute(HttpFunction function) : function_(std::move(function)) {}

  bool handleGet(CivetServer*, mg_connection* connection) override { return Handle(connection, false); }
  bool handlePost(CivetServer*, mg_connection* connection) override { return Handle(connection, true); }

 private:
  bool Handle(mg_connection* connection, bool is_post) {
    if (under_way_.fetch_add(1) >= kMostHttpRequests) {
      Write(connection, {.status = 503,
                         .body = R"({"error":"too many HTTP requests at a time; retry, or use gRPC"})",
                         .retry_after_s = 1});
    } else {
      HttpRequest request = {
          .is_post = is_post, .path = mg_get_request_info(connection)->local_uri, .body = {}};
      std::optional<HttpAnswer> answer;
      if (is_post) answer = ReadBody(connection, &request.body);
      Write(connection, answer.has_value() ? *answer : function_(request));
    }
    under_way_.fetch_sub(1);
    return true;
  }

  const HttpFunction function_;
  std::atomic<int> under_way_{0};
};

}  // namespace

std::unique_ptr<CivetHandler> MakeHttpRoute(HttpFunction function) {
  return std::make_unique<HttpRoute>(std::move(function));
}

}  // namespace adscore::server

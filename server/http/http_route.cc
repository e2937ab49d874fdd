#include "server/http/http_route.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "civetweb.h"

namespace adscore::server {
namespace {

void Write(mg_connection* connection, const HttpAnswer& answer, bool head_only) {
  std::string head = absl::StrCat(
      "HTTP/1.1 ", answer.status, " ", mg_get_response_code_text(connection, answer.status),
      "\r\nContent-Length: ", answer.body.size(), "\r\nCache-Control: no-store\r\nConnection: close\r\n");
  if (!answer.body.empty()) absl::StrAppend(&head, "Content-Type: application/json\r\n");
  if (answer.retry_after_s > 0) absl::StrAppend(&head, "Retry-After: ", answer.retry_after_s, "\r\n");
  if (answer.status == 405) head += "Allow: GET, HEAD, POST\r\n";
  head += "X-Content-Type-Options: nosniff\r\n\r\n";
  mg_write(connection, head.data(), head.size());
  if (!head_only) mg_write(connection, answer.body.data(), answer.body.size());
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

}  // namespace

HttpAnswer HttpRoute::AnswerTo(mg_connection* connection, const std::string& method) {
  const bool is_post = method == "POST";
  if (!is_post && method != "GET" && method != "HEAD") {
    return {.status = 405, .body = R"({"error":"this path knows GET, HEAD and POST"})"};
  }
  HttpRequest request = {.is_post = is_post, .path = mg_get_request_info(connection)->local_uri, .body = {}};
  if (is_post) {
    if (std::optional<HttpAnswer> wrong = ReadBody(connection, &request.body)) return *std::move(wrong);
  }
  return function_(request);
}

int HttpRoute::Handle(mg_connection* connection, void* route) {
  auto* self = static_cast<HttpRoute*>(route);
  const std::string method = mg_get_request_info(connection)->request_method;
  HttpAnswer answer = {.status = 503,
                       .body = R"({"error":"too many HTTP requests at a time; retry, or use gRPC"})",
                       .retry_after_s = 1};
  if (self->under_way_.fetch_add(1) < kMostHttpRequests) answer = self->AnswerTo(connection, method);
  Write(connection, answer, method == "HEAD");
  self->under_way_.fetch_sub(1);
  return answer.status;
}

}  // namespace adscore::server

#include "client/errors.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace adscore::client {
namespace {

// gRPC reports trouble on the way with the codes that servers use too, and only the text tells them apart.
std::string Explain(const grpc::Status& status, const std::string& target,
                    std::chrono::milliseconds deadline) {
  const std::string& text = status.error_message();
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
      if (absl::StrContains(text, "Connection refused")) {
        return absl::StrCat("nothing listens at ", target,
                            "; start adscore-server there or check the target");
      }
      if (absl::StrContains(text, "http1.x") || absl::StrContains(text, "parsing HTTP/2")) {
        return absl::StrCat("what listens at ", target,
                            " does not speak gRPC; the target is adscore-server's --listen,",
                            " not its --http-listen");
      }
      if (absl::StrContains(text, "DNS resolution failed")) {
        return absl::StrCat("the host of target ", target, " is not known; check the target");
      }
      if (absl::StrContains(text, "connections to all backends failing")) {
        return absl::StrCat("can't connect to ", target, "; check the target and the network (", text, ")");
      }
      break;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      if (text.empty() || absl::EqualsIgnoreCase(text, "Deadline Exceeded")) {
        return absl::StrCat("no answer from ", target, " within the deadline of ", deadline.count(), " ms");
      }
      break;
    case grpc::StatusCode::UNIMPLEMENTED:
      if (text.empty()) {
        return absl::StrCat("the server at ", target,
                            " does not know this call: it is not adscore-server, or too old");
      }
      break;
    default:
      break;
  }
  if (!text.empty()) return text;
  return absl::StrCat("the server at ", target, " gave no reason");
}

}  // namespace

absl::Status FromGrpc(const grpc::Status& status, const std::string& target,
                      std::chrono::milliseconds deadline) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), Explain(status, target, deadline));
}

absl::Status CheckTarget(const std::string& target) {
  for (const char* scheme : {"unix:", "dns:", "ipv4:", "ipv6:"}) {
    if (absl::StartsWith(target, scheme)) return absl::OkStatus();
  }
  const size_t colon = target.rfind(':');
  int port = 0;
  const bool whole =
      colon != std::string::npos && colon > 0 && absl::SimpleAtoi(target.substr(colon + 1), &port);
  if (!whole || port < 1 || port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat(
        "target '", target, "' is not HOST:PORT with a port of 1 to 65535, as in 127.0.0.1:8500"));
  }
  return absl::OkStatus();
}

}  // namespace adscore::client

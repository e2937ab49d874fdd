#include "server/rest/rest_api.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "nlohmann/json.hpp"
#include "server/rest/infer_json.h"

namespace adscore::server {
namespace {

// A thread waits for it: a caller that can wait longer is better off with gRPC.
constexpr std::chrono::seconds kLongestCall{30};

HttpAnswer Error(int status, const std::string& message) {
  const nlohmann::json body = {{"error", message}};
  return {.status = status, .body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

int HttpStatus(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::OK:
      return 200;
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::FAILED_PRECONDITION:
      return 400;
    case grpc::StatusCode::NOT_FOUND:
      return 404;
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return 429;
    case grpc::StatusCode::UNAVAILABLE:
      return 503;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return 504;
    default:
      return 500;
  }
}

// What it says of when to retry, in whole seconds, as HTTP has it.
int RetryAfterSeconds(const grpc::ClientContext& context) {
  const auto& trailing = context.GetServerTrailingMetadata();
  const auto hint = trailing.find("grpc-retry-pushback-ms");
  if (hint == trailing.end()) return 0;
  return (std::atoi(std::string(hint->second.data(), hint->second.size()).c_str()) + 999) / 1000;
}

HttpAnswer ErrorOf(const grpc::Status& status, const grpc::ClientContext& context) {
  HttpAnswer answer = Error(HttpStatus(status.error_code()), status.error_message());
  answer.retry_after_s = RetryAfterSeconds(context);
  return answer;
}

void SetDeadline(grpc::ClientContext* context) {
  context->set_deadline(std::chrono::system_clock::now() + kLongestCall);
}

std::vector<std::string> Split(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const size_t length = std::min(path.find('/'), path.size());
    if (length > 0) parts.emplace_back(path.substr(0, length));
    path.remove_prefix(std::min(length + 1, path.size()));
  }
  return parts;
}

}  // namespace

HttpAnswer RestApi::Handle(const HttpRequest& request) const {
  std::vector<std::string> parts = Split(request.path);  // "v2", "models", NAME, …
  const auto last = [&] { return parts.back(); };
  const bool is_model = parts.size() >= 3 && parts[1] == "models";
  std::string action;
  if (is_model && parts.size() % 2 == 0) {
    action = last();
    parts.pop_back();
  }
  const bool has_version = parts.size() == 5 && parts[3] == "versions";
  if (is_model && (parts.size() == 3 || has_version)) {
    const std::string version = has_version ? parts[4] : std::string();
    if (action == "infer" && request.is_post) return Infer(parts[2], version, request.body);
    if (action == "infer") return Error(405, "infer: POST a JSON object");
    if (!request.is_post && action.empty()) return ModelMetadata(parts[2], version);
    if (!request.is_post && action == "ready") return ModelReady(parts[2], version);
  } else if (!request.is_post && parts.size() == 1) {
    return ServerMetadata();
  } else if (!request.is_post && parts.size() == 3 && parts[1] == "health") {
    if (last() == "live") return {};
    if (last() == "ready") return Ready();
  }
  return Error(404,
               "there is no such path; there are v2, v2/health/live, v2/health/ready, "
               "v2/models/NAME[/versions/V][/ready] "
               "(GET) and v2/models/NAME[/versions/V]/infer (POST)");
}

HttpAnswer RestApi::Ready() const {
  grpc::ClientContext context;
  SetDeadline(&context);
  inference::ServerReadyResponse response;
  const grpc::Status status = stub_->ServerReady(&context, {}, &response);
  if (!status.ok()) return ErrorOf(status, context);
  return response.ready() ? HttpAnswer() : Error(503, "no model serves, or the server is draining");
}

HttpAnswer RestApi::ServerMetadata() const {
  grpc::ClientContext context;
  SetDeadline(&context);
  inference::ServerMetadataResponse response;
  const grpc::Status status = stub_->ServerMetadata(&context, {}, &response);
  return status.ok() ? HttpAnswer{.body = ServerMetadataToJson(response)} : ErrorOf(status, context);
}

// First the metadata, which say why it is not ready; they are answered also while the server leaves.
HttpAnswer RestApi::ModelReady(const std::string& name, const std::string& version) const {
  const HttpAnswer metadata = ModelMetadata(name, version);
  if (metadata.status != 200) return metadata;
  grpc::ClientContext context;
  SetDeadline(&context);
  inference::ModelReadyRequest request;
  request.set_name(name);
  request.set_version(version);
  inference::ModelReadyResponse response;
  const grpc::Status status = stub_->ModelReady(&context, request, &response);
  if (!status.ok()) return ErrorOf(status, context);
  return response.ready() ? HttpAnswer() : Error(503, "the server is draining");
}

HttpAnswer RestApi::ModelMetadata(const std::string& name, const std::string& version) const {
  grpc::ClientContext context;
  SetDeadline(&context);
  inference::ModelMetadataRequest request;
  request.set_name(name);
  request.set_version(version);
  inference::ModelMetadataResponse response;
  const grpc::Status status = stub_->ModelMetadata(&context, request, &response);
  return status.ok() ? HttpAnswer{.body = ModelMetadataToJson(response)} : ErrorOf(status, context);
}

HttpAnswer RestApi::Infer(const std::string& name, const std::string& version,
                          const std::string& body) const {
  inference::ModelInferRequest request;
  const absl::Status parsed = InferRequestFromJson(body, &request);
  if (!parsed.ok()) return Error(400, std::string(parsed.message()));
  request.set_model_name(name);
  request.set_model_version(version);
  grpc::ClientContext context;
  SetDeadline(&context);
  inference::ModelInferResponse response;
  const grpc::Status status = stub_->ModelInfer(&context, request, &response);
  return status.ok() ? HttpAnswer{.body = InferResponseToJson(response)} : ErrorOf(status, context);
}

}  // namespace adscore::server

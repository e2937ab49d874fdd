#include "server/rpc/model_service.h"

#include <chrono>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/clock.h"
#include "server/rpc/model_description.h"
#include "spdlog/spdlog.h"

namespace adscore::server {

grpc::Status ModelServiceImpl::Counted(const char* method, const std::function<grpc::Status()>& call) {
  const Time start = std::chrono::steady_clock::now();
  grpc::Status status = call();
  metrics_->CountOperatorCall(method, static_cast<size_t>(status.error_code()),
                              Seconds(std::chrono::steady_clock::now() - start));
  return status;
}

// Also answered while the server drains: operators want to know then, too.
grpc::Status ModelServiceImpl::ListModels(grpc::ServerContext* context, const v1::ListModelsRequest* request,
                                          v1::ListModelsResponse* response) {
  return Counted("ListModels", [&]() -> grpc::Status {
    if (grpc::Status status = LetIn("ListModels", false, *context); !status.ok()) return status;
    for (const ModelStatus& status : registry_->Statuses()) {
      if (request->model().empty() || request->model() == status.name) {
        DescribeStatus(status, response->add_models());
      }
    }
    const bool is_missing = !request->model().empty() && response->models().empty();
    return is_missing ? NoSuchModel(request->model()) : grpc::Status::OK;
  });
}

grpc::Status ModelServiceImpl::Pin(grpc::ServerContext* context, const v1::PinRequest* request,
                                   v1::ModelStatus* response) {
  return Decide(
      "Pin", *context, request->model(), [&](ModelLife& life) { return life.Pin(request->version()); },
      response);
}

grpc::Status ModelServiceImpl::Unpin(grpc::ServerContext* context, const v1::UnpinRequest* request,
                                     v1::ModelStatus* response) {
  return Decide(
      "Unpin", *context, request->model(), [](ModelLife& life) { return life.Unpin(); }, response);
}

grpc::Status ModelServiceImpl::RollBack(grpc::ServerContext* context, const v1::RollBackRequest* request,
                                        v1::ModelStatus* response) {
  return Decide(
      "RollBack", *context, request->model(), [](ModelLife& life) { return life.RollBack(); }, response);
}

grpc::Status ModelServiceImpl::SetCanary(grpc::ServerContext* context, const v1::SetCanaryRequest* request,
                                         v1::ModelStatus* response) {
  return Decide(
      "SetCanary", *context, request->model(),
      [&](ModelLife& life) { return life.SetCanary(request->version(), request->share()); }, response);
}

grpc::Status ModelServiceImpl::SetShadow(grpc::ServerContext* context, const v1::SetShadowRequest* request,
                                         v1::ModelStatus* response) {
  return Decide(
      "SetShadow", *context, request->model(),
      [&](ModelLife& life) { return life.SetShadow(request->version()); }, response);
}

grpc::Status ModelServiceImpl::Decide(const char* method, const grpc::ServerContext& context,
                                      const std::string& model,
                                      const std::function<absl::Status(ModelLife&)>& decide,
                                      v1::ModelStatus* response) {
  return Counted(method, [&]() -> grpc::Status {
    if (grpc::Status status = LetIn(method, true, context); !status.ok()) return status;
    ModelLife* life = lives_->Of(model);
    if (life == nullptr) return NoSuchModel(model);
    const absl::Status decided = decide(*life);
    if (!decided.ok()) {
      if (const auto left_out = failed_.Take(std::chrono::steady_clock::now())) {
        spdlog::warn("{} of model {} by {}: {}{}", method, model, CallerOf(context),
                     std::string(decided.message()), LeftOut(*left_out));
      }
      return {static_cast<grpc::StatusCode>(decided.code()), std::string(decided.message())};
    }
    on_change_();
    for (const ModelStatus& status : registry_->Statuses()) {
      if (status.name == model) DescribeStatus(status, response);
    }
    spdlog::info("{} of model {} by {}: version {} serves", method, model, CallerOf(context),
                 response->serving_version());
    return grpc::Status::OK;
  });
}

grpc::Status ModelServiceImpl::LetIn(const char* method, bool decides, const grpc::ServerContext& context) {
  grpc::Status status = CheckAccess(access_, decides, context);
  if (status.ok()) return status;
  if (const auto left_out = denied_.Take(std::chrono::steady_clock::now())) {
    spdlog::warn("{} by {} denied: {}{}", method, CallerOf(context), status.error_message(),
                 LeftOut(*left_out));
  }
  return status;
}

grpc::Status ModelServiceImpl::NoSuchModel(const std::string& model) const {
  std::vector<std::string> names;
  for (const ModelStatus& status : registry_->Statuses()) names.push_back(status.name);
  return {grpc::StatusCode::NOT_FOUND,
          absl::StrCat("model: '", model, "' is not in this server's model root, which has ",
                       names.empty() ? "no model" : absl::StrJoin(names, ", "))};
}

}  // namespace adscore::server

#include "server/rpc/tensorflow_model_service.h"

#include <algorithm>
#include <string>
#include <vector>

#include "server/rpc/refusal_status.h"
#include "server/rpc/tensorflow_codec.h"

namespace adscore::server {
namespace {

using tensorflow::serving::GetModelStatusResponse;
using tensorflow::serving::ModelVersionStatus;

void Add(int64_t version, ModelVersionStatus::State state, const grpc::Status& status,
         GetModelStatusResponse* response) {
  ModelVersionStatus* added = response->add_model_version_status();
  added->set_version(version);
  added->set_state(state);
  added->mutable_status()->set_error_code(status.error_code());
  added->mutable_status()->set_error_message(status.error_message());
}

// Newest first, as TensorFlow Serving has them; those that `wanted` does not mean are left out.
void Describe(const ModelStatus& model, const Wanted& wanted, bool draining,
              GetModelStatusResponse* response) {
  const auto means = [&](int64_t version) {
    if (wanted.label == "canary") return version == model.rollout.canary && version != 0;
    if (wanted.label == "stable") return version == model.serving_version;
    return wanted.label.empty() && (wanted.version == 0 || wanted.version == version);
  };
  const auto state = draining ? ModelVersionStatus::UNLOADING : ModelVersionStatus::AVAILABLE;
  for (const int64_t version : model.loaded) {
    if (means(version)) Add(version, state, grpc::Status::OK, response);
  }
  for (const RefusedVersion& refused : model.refused) {
    if (!means(refused.version)) continue;
    Add(refused.version, ModelVersionStatus::END, {grpc::StatusCode::FAILED_PRECONDITION, refused.reason},
        response);
  }
  std::sort(response->mutable_model_version_status()->begin(),
            response->mutable_model_version_status()->end(),
            [](const auto& a, const auto& b) { return a.version() > b.version(); });
}

}  // namespace

grpc::Status TensorFlowModelService::GetModelStatus(grpc::ServerContext* /*context*/,
                                                    const tensorflow::serving::GetModelStatusRequest* request,
                                                    GetModelStatusResponse* response) {
  const Time start = parts_.clock->Now();
  grpc::Status status;
  Wanted wanted;
  const absl::Status parsed = ParseModelSpec(request->model_spec(), &wanted);
  const std::vector<ModelStatus> models = parts_.registry->Statuses();
  const auto found = std::find_if(models.begin(), models.end(),
                                  [&](const ModelStatus& model) { return model.name == wanted.model; });
  if (!parsed.ok()) {
    status = {grpc::StatusCode::INVALID_ARGUMENT, std::string(parsed.message())};
  } else if (found != models.end()) {
    Describe(*found, wanted, parts_.admission->leaving(), response);
  }
  if (status.ok() && response->model_version_status().empty()) {
    status = RefusalStatus(
        Refusal::kNotFound,
        {.model = std::string(wanted.model), .version = wanted.version, .label = std::string(wanted.label)},
        *parts_.registry, *parts_.admission);
  }
  parts_.metrics->CountOperatorCall("GetModelStatus", static_cast<size_t>(status.error_code()),
                                    Seconds(parts_.clock->Now() - start));
  return status;
}

}  // namespace adscore::server

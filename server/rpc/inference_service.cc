#include "server/rpc/inference_service.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "server/rpc/infer_codec.h"
#include "server/rpc/inference_description.h"
#include "server/rpc/refusal_status.h"
#include "server/serving/model_choice.h"

namespace adscore::server {
namespace {

// A model that is held while it is described.
struct Found {
  std::shared_ptr<const ServedModels> models;
  const ServedModel* served = nullptr;
};

grpc::Status Find(const ServingParts& parts, const std::string& name, const std::string& version,
                  Found* found) {
  Wanted wanted = {.model = name};
  const absl::Status parsed = ParseModelVersion(version, &wanted.version);
  if (!parsed.ok()) return {grpc::StatusCode::INVALID_ARGUMENT, std::string(parsed.message())};
  found->models = parts.registry->Pin();
  const ModelChoice choice = ChooseModel(*found->models, wanted);
  found->served = choice.served;
  const Refusal refusal = parts.admission->draining() ? Refusal::kDraining : choice.refusal;
  if (choice.served != nullptr && !parts.admission->draining()) return grpc::Status::OK;
  return RefusalStatus(refusal, {.model = name, .version = wanted.version}, *parts.registry,
                       *parts.admission);
}

// What probes ask for is not counted, like health checks: they would drown the calls that matter.
grpc::Status Counted(const ServingParts& parts, const char* method,
                     const std::function<grpc::Status()>& call) {
  const Time start = parts.clock->Now();
  grpc::Status status = call();
  parts.metrics->CountOperatorCall(method, static_cast<size_t>(status.error_code()),
                                   Seconds(parts.clock->Now() - start));
  return status;
}

}  // namespace

grpc::Status InferenceServiceImpl::ServerLive(grpc::ServerContext* /*context*/,
                                              const inference::ServerLiveRequest* /*request*/,
                                              inference::ServerLiveResponse* response) {
  response->set_live(true);
  return grpc::Status::OK;
}

grpc::Status InferenceServiceImpl::ServerReady(grpc::ServerContext* /*context*/,
                                               const inference::ServerReadyRequest* /*request*/,
                                               inference::ServerReadyResponse* response) {
  response->set_ready(!parts_.admission->leaving() && !parts_.registry->Pin()->empty());
  return grpc::Status::OK;
}

grpc::Status InferenceServiceImpl::ModelReady(grpc::ServerContext* /*context*/,
                                              const inference::ModelReadyRequest* request,
                                              inference::ModelReadyResponse* response) {
  Found found;
  const grpc::Status status = Find(parts_, request->name(), request->version(), &found);
  if (status.error_code() == grpc::StatusCode::INVALID_ARGUMENT) return status;
  response->set_ready(status.ok() && !parts_.admission->leaving());
  return grpc::Status::OK;
}

grpc::Status InferenceServiceImpl::ServerMetadata(grpc::ServerContext* /*context*/,
                                                  const inference::ServerMetadataRequest* /*request*/,
                                                  inference::ServerMetadataResponse* response) {
  return Counted(parts_, "ServerMetadata", [&] {
    response->set_name("adscore");
    response->set_version(ADSCORE_VERSION);
    for (const char* extension : {"model_configuration", "statistics"}) response->add_extensions(extension);
    return grpc::Status::OK;
  });
}

grpc::Status InferenceServiceImpl::ModelMetadata(grpc::ServerContext* /*context*/,
                                                 const inference::ModelMetadataRequest* request,
                                                 inference::ModelMetadataResponse* response) {
  return Counted(parts_, "ModelMetadata", [&] {
    Found found;
    grpc::Status status = Find(parts_, request->name(), request->version(), &found);
    if (status.ok()) DescribeMetadata(*found.served, found.models->at(found.served->name), response);
    return status;
  });
}

grpc::Status InferenceServiceImpl::ModelConfig(grpc::ServerContext* /*context*/,
                                               const inference::ModelConfigRequest* request,
                                               inference::ModelConfigResponse* response) {
  return Counted(parts_, "ModelConfig", [&] {
    Found found;
    grpc::Status status = Find(parts_, request->name(), request->version(), &found);
    if (status.ok()) {
      DescribeConfig(*found.served, parts_.admission->max_queued_rows(), response->mutable_config());
    }
    return status;
  });
}

grpc::Status InferenceServiceImpl::ModelStatistics(grpc::ServerContext* /*context*/,
                                                   const inference::ModelStatisticsRequest* request,
                                                   inference::ModelStatisticsResponse* response) {
  return Counted(parts_, "ModelStatistics", [&] {
    if (request->name().empty()) {
      const auto models = parts_.registry->Pin();
      for (const auto& [name, versions] : *models) {
        DescribeStatistics(*versions.stable, response->add_model_stats());
      }
      return grpc::Status();
    }
    Found found;
    grpc::Status status = Find(parts_, request->name(), request->version(), &found);
    if (status.ok()) DescribeStatistics(*found.served, response->add_model_stats());
    return status;
  });
}

}  // namespace adscore::server

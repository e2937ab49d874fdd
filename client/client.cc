#include "client/client.h"

#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/errors.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/create_channel.h"

namespace adscore::client {
namespace {

// While a new version rolls out, the replicas behind one target may serve several.
constexpr size_t kKnownVersions = 16;

// Then too, a replica may not have what another one has answered with; the next call goes to the next one.
constexpr int kReplicasToAsk = 4;

// Each replica is asked to say how it is (Health.Watch), and gets no calls while it is not SERVING: one that
// leaves says so before it turns calls away. A server without that service counts as well.
constexpr char kWatchHealth[] = R"({"healthCheckConfig": {"serviceName": "adscore.v1.PredictionService"}})";

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& target, bool watch_health,
                                           const std::string& server_name,
                                           const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  grpc::ChannelArguments arguments;
  if (watch_health) arguments.SetServiceConfigJSON(kWatchHealth);
  // A connection per client: gRPC would otherwise let all clients of a process share one.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // A restarted server is found again within two seconds; gRPC's own limit is two minutes.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  arguments.SetLoadBalancingPolicyName("round_robin");
  // Attempts decides what is retried, and gRPC nothing behind its back.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  if (!server_name.empty()) arguments.SetSslTargetNameOverride(server_name);
  return grpc::CreateCustomChannel(target, credentials, arguments);
}

// A list of addresses. Behind a single one, or a name, there may be a proxy, and what one replica says
// through it about itself is not true of the others.
bool ListsReplicas(const std::string& target) {
  return (target.starts_with("ipv4:") || target.starts_with("ipv6:")) &&
         target.find(',') != std::string::npos;
}

std::vector<std::string> HeadNames(const v1::GetModelResponse& model) {
  std::vector<std::string> names;
  for (const v1::Head& head : model.heads()) names.push_back(head.name());
  return names;
}

// One entry per head with one probability per candidate, or what is wrong.
absl::Status NameHeads(const std::vector<std::string>& heads, size_t candidates,
                       v1::PredictResponse* response) {
  bool right = !heads.empty() && static_cast<size_t>(response->heads_size()) == heads.size();
  for (int h = 0; right && h < response->heads_size(); ++h) {
    right = static_cast<size_t>(response->heads(h).probability_size()) == candidates;
    response->mutable_heads(h)->set_head(heads[h]);
  }
  if (right) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(
      "version ", response->version(), " answered with ", response->heads_size(), " heads that do not have ",
      candidates, " probabilities each, or not the ", heads.size(), " heads that it declares"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> Client::Connect(const std::string& target,
                                                        const ClientOptions& options) {
  if (absl::Status status = CheckTarget(target); !status.ok()) return status;
  const auto credentials = MakeCredentials(options.tls);
  if (!credentials.ok()) return credentials.status();
  return std::unique_ptr<Client>(new Client(target, options, *credentials));
}

Client::Client(std::string target, const ClientOptions& options,
               const std::shared_ptr<grpc::ChannelCredentials>& credentials)
    : target_(std::move(target)), options_(options), attempts_(options.retry, options.wait_for_ready) {
  const bool watch_health = options.watch_health || ListsReplicas(target_);
  const auto channel = MakeChannel(target_, watch_health, options.tls.server_name, credentials);
  prediction_ = v1::PredictionService::NewStub(channel);
  // Operators ask also those that serve nothing: why?
  models_ = v1::ModelService::NewStub(
      watch_health ? MakeChannel(target_, false, options.tls.server_name, credentials) : channel);
}

absl::Status Client::ToStatus(const grpc::Status& status) const {
  return FromGrpc(status, target_, options_.deadline);
}

absl::StatusOr<v1::PredictResponse> Client::Predict(const std::string& model, size_t candidates,
                                                    absl::FunctionRef<void(ImpressionBuilder&)> fill) {
  const Time deadline = Deadline();
  v1::PredictRequest request;
  v1::PredictResponse response;
  bool refreshed = false;
  for (;;) {
    absl::StatusOr<bool> packed = Pack(model, candidates, fill, &request);
    if (!packed.ok()) return packed.status();
    if (*packed) {
      const grpc::Status status = Send(request, deadline, &response);
      if (status.ok()) break;
      if (status.error_code() != grpc::StatusCode::FAILED_PRECONDITION || refreshed) return ToStatus(status);
      refreshed = true;
    }
    const uint64_t refused = request.packed().schema_fingerprint();  // 0: none yet
    if (absl::Status status = Refresh(model, refused, deadline); !status.ok()) return status;
  }
  absl::StatusOr<std::vector<std::string>> heads =
      Heads(model, response.version(), static_cast<size_t>(response.heads_size()), deadline);
  if (!heads.ok()) return heads.status();
  if (absl::Status status = NameHeads(*heads, candidates, &response); !status.ok()) return status;
  return response;
}

grpc::Status Client::Send(const v1::PredictRequest& request, Time deadline, v1::PredictResponse* response) {
  const auto send = [&] {
    return attempts_.Call(
        deadline,
        [&](grpc::ClientContext* context, grpc::CompletionQueue* queue) {
          return prediction_->AsyncPredict(context, request, queue);
        },
        response);
  };
  const grpc::Status status = send();
  // Replicas come to a new schema one after the other: the next one may have the schema of this request.
  return status.error_code() == grpc::StatusCode::FAILED_PRECONDITION ? send() : status;
}

absl::StatusOr<bool> Client::Pack(const std::string& model, size_t candidates,
                                  absl::FunctionRef<void(ImpressionBuilder&)> fill,
                                  v1::PredictRequest* request) {
  std::shared_lock lock(mutex_);
  const auto known = known_.find(model);
  if (known == known_.end()) return false;
  ImpressionBuilder builder(known->second.schema);
  builder.Reset(candidates);
  fill(builder);
  request->set_model(model);
  if (absl::Status status = builder.Build(request); !status.ok()) return status;
  return true;
}

absl::StatusOr<ModelSchema> Client::FetchSchema(const std::string& model) {
  const absl::StatusOr<v1::GetModelResponse> described = GetModel(model, 0);
  if (!described.ok()) return described.status();
  return ModelSchema::FromModel(*described);
}

absl::Status Client::Refresh(const std::string& model, uint64_t refused, Time deadline) {
  absl::StatusOr<v1::GetModelResponse> described;
  for (int i = 0; i < kReplicasToAsk; ++i) {
    described = GetModel(model, 0, deadline);
    if (!described.ok()) return described.status();
    if (described->schema_fingerprint() != refused) break;
  }
  absl::StatusOr<ModelSchema> schema = ModelSchema::FromModel(*described);
  if (!schema.ok()) return schema.status();
  std::unique_lock lock(mutex_);
  const int64_t version = schema->version();
  auto known = known_.find(model);
  if (known == known_.end()) {
    known = known_.emplace(model, Known{.schema = *std::move(schema), .heads = {}}).first;
  } else {
    known->second.schema = *std::move(schema);
  }
  known->second.heads[version] = known->second.schema.heads();
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> Client::Heads(const std::string& model, int64_t version) {
  return Heads(model, version, std::nullopt, Deadline());
}

absl::StatusOr<std::vector<std::string>> Client::Heads(const std::string& model, int64_t version,
                                                       std::optional<size_t> count, Time deadline) {
  {
    std::shared_lock lock(mutex_);
    const auto known = known_.find(model);
    if (known != known_.end()) {
      const auto heads = known->second.heads.find(version);
      // Another number of them: the version's number has been given to another model.
      if (heads != known->second.heads.end() && (!count || heads->second.size() == *count)) {
        return heads->second;
      }
    }
  }
  absl::StatusOr<v1::GetModelResponse> described = absl::NotFoundError("");
  for (int i = 0; i < kReplicasToAsk && absl::IsNotFound(described.status()); ++i) {
    described = GetModel(model, version, deadline);
  }
  if (!described.ok()) return described.status();
  std::vector<std::string> names = HeadNames(*described);
  std::unique_lock lock(mutex_);
  const auto known = known_.find(model);
  if (known != known_.end()) {
    std::map<int64_t, std::vector<std::string>>& heads = known->second.heads;
    heads[version] = names;
    if (heads.size() > kKnownVersions) heads.erase(heads.begin());
  }
  return names;
}

absl::StatusOr<v1::GetModelResponse> Client::GetModel(const std::string& model, int64_t version) {
  return GetModel(model, version, Deadline());
}

absl::StatusOr<v1::GetModelResponse> Client::GetModel(const std::string& model, int64_t version,
                                                      Time deadline) {
  v1::GetModelRequest request;
  request.set_model(model);
  request.set_version(version);
  v1::GetModelResponse response;
  const grpc::Status status = attempts_.Call(
      deadline,
      [&](grpc::ClientContext* context, grpc::CompletionQueue* queue) {
        return prediction_->AsyncGetModel(context, request, queue);
      },
      &response);
  if (!status.ok()) return ToStatus(status);
  return response;
}

absl::StatusOr<v1::ListModelsResponse> Client::ListModels(const std::string& model) {
  v1::ListModelsRequest request;
  request.set_model(model);
  v1::ListModelsResponse response;
  const grpc::Status status = attempts_.Call(
      Deadline(),
      [&](grpc::ClientContext* context, grpc::CompletionQueue* queue) {
        return models_->AsyncListModels(context, request, queue);
      },
      &response);
  if (!status.ok()) return ToStatus(status);
  return response;
}

}  // namespace adscore::client

// The client that an ad server links. A whole program:
//
//   auto client = adscore::client::Client::Connect("127.0.0.1:8500");
//   auto answer = (*client)->Predict("ads", /*candidates=*/2, [](adscore::client::ImpressionBuilder&
//   impression) {
//     impression.SetContext("hour", 13);
//     impression.SetCandidate("ad", 0, "a1");
//     impression.SetCandidate("ad", 1, "a2");
//   });
//   if (answer.ok()) bid(answer->heads(0).probability(0));
//
// Thread-safe: any number of threads may share one client, and with it one connection per address that the
// target stands for. Calls block their thread and drive the network themselves; no callbacks, and no threads
// of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "adscore/v1/model_service.grpc.pb.h"
#include "adscore/v1/prediction_service.grpc.pb.h"
#include "client/attempts.h"
#include "client/impression_builder.h"
#include "client/model_schema.h"
#include "client/retry_policy.h"
#include "client/tls.h"

namespace adscore::client {

struct ClientOptions {
  // For each call of this class, whatever it takes inside: connecting, fetching the schema, asking again.
  std::chrono::milliseconds deadline{1000};

  // What is tried again, when and how often; never beyond the deadline.
  RetryPolicy retry{};

  // false: a call fails with UNAVAILABLE when none of the addresses can be connected to. true: it waits,
  // until the deadline, for one that can.
  bool wait_for_ready = false;

  // Whether each replica is asked to say when it leaves or can't score, and then gets no calls. A target that
  // lists several addresses is always treated so. Set it for a name whose addresses are replicas themselves
  // (a headless service); not where a proxy answers, through which one replica would speak for all.
  bool watch_health = false;

  // Plaintext unless it names the roots.
  TlsOptions tls{};
};

class Client {
 public:
  // Checks `target`, reads the files of `tls`, and no more: connections are made by the first call and remade
  // when they break. HOST:PORT, or one of gRPC's URIs, such as dns:///HOST:PORT or
  // ipv4:ADDRESS:PORT,ADDRESS:PORT. Calls go in turn (round-robin) to all addresses that the name resolves
  // to, or that are listed.
  static absl::StatusOr<std::unique_ptr<Client>> Connect(const std::string& target,
                                                         const ClientOptions& options = {});

  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Scores the impression that `fill` describes. The model's schema is fetched by the first call and again
  // when the server says FAILED_PRECONDITION; then `fill` is called once more. It must not call the client.
  // The heads of the answer carry their names. Errors: the server's code and message (proto/adscore/v1),
  // UNAVAILABLE if nothing listens at the target, or InvalidArgument from ImpressionBuilder::status().
  absl::StatusOr<v1::PredictResponse> Predict(const std::string& model, size_t candidates,
                                              absl::FunctionRef<void(ImpressionBuilder&)> fill);

  // Schema of the version that serves now, fetched anew. An empty name means the server's only model.
  absl::StatusOr<ModelSchema> FetchSchema(const std::string& model);

  // The heads of one version, in the order of its answers: newer versions may have others. Fetched once per
  // version.
  absl::StatusOr<std::vector<std::string>> Heads(const std::string& model, int64_t version);

  // As the server answers; version 0 is the one that serves, an empty name for ListModels means all.
  absl::StatusOr<v1::GetModelResponse> GetModel(const std::string& model, int64_t version);
  absl::StatusOr<v1::ListModelsResponse> ListModels(const std::string& model);

  const std::string& target() const { return target_; }
  std::chrono::milliseconds deadline() const { return options_.deadline; }
  // For callers with completion queues of their own; what is called here is not retried. Thread-safe.
  v1::PredictionService::Stub* stub() { return prediction_.get(); }
  // For operators; the same holds.
  v1::ModelService::Stub* models() { return models_.get(); }

 private:
  using Time = Attempts::Time;

  // What is known about one model.
  struct Known {
    ModelSchema schema;
    std::map<int64_t, std::vector<std::string>> heads;  // by version; the newest kKnownVersions
  };

  Client(std::string target, const ClientOptions& options,
         const std::shared_ptr<grpc::ChannelCredentials>& credentials);

  Time Deadline() const { return std::chrono::system_clock::now() + options_.deadline; }
  absl::Status ToStatus(const grpc::Status& status) const;
  absl::StatusOr<v1::GetModelResponse> GetModel(const std::string& model, int64_t version, Time deadline);
  grpc::Status Send(const v1::PredictRequest& request, Time deadline, v1::PredictResponse* response);
  // Fetches a schema, if possible another one than that with the fingerprint `refused`.
  absl::Status Refresh(const std::string& model, uint64_t refused, Time deadline);
  // `count` is how many the version has answered with: if others are known, they are fetched again.
  absl::StatusOr<std::vector<std::string>> Heads(const std::string& model, int64_t version,
                                                 std::optional<size_t> count, Time deadline);

  // Packs with the known schema; false if there is none.
  absl::StatusOr<bool> Pack(const std::string& model, size_t candidates,
                            absl::FunctionRef<void(ImpressionBuilder&)> fill, v1::PredictRequest* request);

  const std::string target_;
  const ClientOptions options_;
  Attempts attempts_;
  std::unique_ptr<v1::PredictionService::Stub> prediction_;  // constant after construction
  std::unique_ptr<v1::ModelService::Stub> models_;           // constant after construction

  // Shared while packing, exclusive while a fetched schema is put in; never held during a call.
  std::shared_mutex mutex_;
  std::map<std::string, Known> known_;  // by the name that callers use; guarded by mutex_
};

}  // namespace adscore::client

// The server over real gRPC on loopback: answers, statuses, health, draining.
#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/rpc/codec.h"
#include "tests/model/tiny_snapshot.h"
#include "tests/server/in_process.h"
#include "tests/server/loopback_http.h"
#include "tests/server/served_models.h"

namespace adscore::server {
namespace {

using grpc::StatusCode;
using model::testing::TinySnapshot;
using ::testing::HasSubstr;
using ::testing::StartsWith;

v1::PredictRequest Parse(const std::string& json) {
  v1::PredictRequest request;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &request);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return request;
}

v1::PredictRequest NamedRequest() {
  return Parse(R"({"model": "ads", "named": {
      "context": {"hour": 13, "site": "site1", "interests": ["tag1", "tag4"]},
      "candidates": {"bid": [0.5, 1.5, null], "ad": ["ad1", "ad2", "ad3"], "tags": ["tag2|tag3", "", null]}}})");
}

class RpcTest : public ::testing::Test {
 protected:
  void Publish(int64_t version) { snapshot_.Publish(root_.path(), "ads", version); }
  void StartWithVersion(int64_t version) {
    Publish(version);
    Start();
  }
  void Start() { process_ = std::make_unique<InProcess>(root_.path()); }

  grpc::Status Predict(const v1::PredictRequest& request) {
    response_.Clear();
    return process_->Predict(request, &response_);
  }

  // What the naive forward pass makes of a request.
  std::vector<float> Reference(const v1::PredictRequest& request) {
    RequestDecoder decoder;
    model::Impression impression;
    const auto& schema = snapshot_.snapshot().schema;
    EXPECT_EQ(decoder.Decode(request, schema, model::Fingerprint(schema), &impression), std::nullopt);
    return ReferenceOf(snapshot_.snapshot(), impression);
  }

  const TempDirectory root_;
  const TinySnapshot snapshot_;
  std::unique_ptr<InProcess> process_;
  v1::PredictResponse response_;
};

TEST_F(RpcTest, NamedFeaturesAreScoredAndTheAnswerNamesHeadsAndVersion) {
  StartWithVersion(7);
  const grpc::Status status = Predict(NamedRequest());
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response_.version(), 7);
  ASSERT_EQ(response_.heads_size(), 2);
  EXPECT_EQ(response_.heads(0).head(), "click");
  EXPECT_EQ(response_.heads(1).head(), "conversion");
  const std::vector<float> expected = Reference(NamedRequest());
  for (int r = 0; r < 3; ++r) {
    for (int h = 0; h < 2; ++h) EXPECT_NEAR(response_.heads(h).probability(r), expected[r * 2 + h], 1e-6);
  }
}

TEST_F(RpcTest, PackedAndNamedFeaturesGiveTheSameProbabilitiesToTheBit) {
  StartWithVersion(1);
  ASSERT_TRUE(Predict(NamedRequest()).ok());
  const v1::PredictResponse named = response_;
  RequestDecoder decoder;
  model::Impression impression;
  const auto& schema = snapshot_.snapshot().schema;
  const v1::PredictRequest named_request = NamedRequest();
  ASSERT_EQ(decoder.Decode(named_request, schema, 0, &impression), std::nullopt);
  const auto pack = [](const model::RawColumns& from, v1::PackedColumns* to) {
    to->mutable_numeric()->Add(from.numeric.begin(), from.numeric.end());
    to->mutable_categorical()->Add(from.categorical.begin(), from.categorical.end());
    to->mutable_multi_count()->Add(from.multi_count.begin(), from.multi_count.end());
    to->mutable_multi()->Add(from.multi.begin(), from.multi.end());
  };
  v1::PredictRequest packed;
  packed.set_candidate_count(3);
  packed.mutable_packed()->set_schema_fingerprint(model::Fingerprint(schema));
  pack(impression.context, packed.mutable_packed()->mutable_context());
  pack(impression.candidates, packed.mutable_packed()->mutable_candidates());
  const grpc::Status status = Predict(packed);
  ASSERT_TRUE(status.ok()) << status.error_message();
  for (int h = 0; h < 2; ++h) {
    EXPECT_TRUE(std::ranges::equal(named.heads(h).probability(), response_.heads(h).probability()));
    EXPECT_EQ(response_.heads(h).head(), "") << "packed callers know the order";
  }
}

TEST_F(RpcTest, ManyCallsAtOnceEachGetTheirOwnAnswer) {
  StartWithVersion(1);
  std::vector<std::thread> callers;
  for (int c = 0; c < 8; ++c) {
    callers.emplace_back([this, c] {
      v1::PredictRequest request = NamedRequest();
      (*request.mutable_named()->mutable_context()->mutable_fields())["hour"].set_number_value(c);
      const std::vector<float> expected = Reference(request);
      for (int i = 0; i < 100; ++i) {
        v1::PredictResponse response;
        const grpc::Status status = process_->Predict(request, &response);
        ASSERT_TRUE(status.ok()) << status.error_message();
        for (int r = 0; r < 3; ++r) ASSERT_NEAR(response.heads(0).probability(r), expected[r * 2], 1e-6);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_THAT(HttpGet(process_->http_port(), "/metrics"),
              HasSubstr("adscore_requests_total{model=\"ads\",method=\"Predict\",code=\"OK\"} 800\n"));
}

TEST_F(RpcTest, AnEmptyModelRootIsNotReadyAndBecomesReadyWhenTheFirstVersionArrives) {
  Start();
  EXPECT_EQ(process_->Health(""), "NOT_SERVING");
  EXPECT_EQ(process_->Health("adscore.v1.PredictionService"), "NOT_SERVING");
  EXPECT_THAT(HttpGet(process_->http_port(), "/readyz"), StartsWith("HTTP/1.1 503"));
  EXPECT_EQ(Predict(NamedRequest()).error_code(), StatusCode::UNAVAILABLE);
  grpc::ClientContext context;
  v1::GetModelResponse model;
  EXPECT_EQ(process_->prediction().GetModel(&context, {}, &model).error_code(), StatusCode::UNAVAILABLE);
  Publish(1);
  ASSERT_EQ(process_->AwaitVersion("ads", 1), 1);
  EXPECT_TRUE(Predict(NamedRequest()).ok());
  EXPECT_THAT(HttpGet(process_->http_port(), "/readyz"), StartsWith("HTTP/1.1 200"));
  // Health is told after the registry: give it its moment.
  for (int i = 0; i < 2000 && process_->Health("ads") != "SERVING"; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  for (const char* service : {"", "adscore.v1.PredictionService", "ads"}) {
    EXPECT_EQ(process_->Health(service), "SERVING") << service;
  }
  EXPECT_EQ(process_->Health("other"), std::to_string(StatusCode::NOT_FOUND));
}

TEST_F(RpcTest, HealthKnowsEveryServiceAndEveryModelAlsoOneWithoutAVersionThatHolds) {
  std::filesystem::create_directories(root_.path() + "/video/1");
  std::ofstream(root_.path() + "/video/1/snapshot") << "damaged";
  Start();
  EXPECT_EQ(process_->Health("adscore.v1.ModelService"), "SERVING") << "it answers without a model too";
  EXPECT_EQ(process_->Health("video"), "NOT_SERVING");
  EXPECT_EQ(process_->Health("other"), std::to_string(StatusCode::NOT_FOUND));
}

TEST_F(RpcTest, AWatcherOfHealthIsToldOfEachChangeAndADrainEndsItsStreamAtOnce) {
  using grpc::health::v1::HealthCheckResponse;
  Start();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  grpc::health::v1::HealthCheckRequest request;
  request.set_service("ads");
  const auto stream = process_->health().Watch(&context, request);
  HealthCheckResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVICE_UNKNOWN);
  Publish(1);
  // "ads" may be seen a moment before its version.
  while (response.status() != HealthCheckResponse::SERVING) ASSERT_TRUE(stream->Read(&response));
  const auto start = std::chrono::steady_clock::now();
  process_->server().Drain();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(15)) << "waited for the watcher";
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), StatusCode::UNAVAILABLE);
}

TEST_F(RpcTest, WatchersThatLeaveMakeRoomForOthers) {
  StartWithVersion(1);
  for (int i = 0; i < 50; ++i) {
    grpc::ClientContext context;
    const auto stream = process_->health().Watch(&context, {});
    grpc::health::v1::HealthCheckResponse response;
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING);
    context.TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), StatusCode::CANCELLED);
  }
}

TEST_F(RpcTest, AnUnknownModelOrVersionIsNotFoundAndTheMessageListsWhatThereIs) {
  StartWithVersion(7);
  v1::PredictRequest request = NamedRequest();
  request.set_model("adz");
  grpc::Status status = Predict(request);
  EXPECT_EQ(status.error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "no model 'adz'; this server serves ads (version 7)");
  request.set_model("ads");
  request.set_version(6);
  status = Predict(request);
  EXPECT_EQ(status.error_code(), StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("ads (version 7)"));
  request.set_version(7);
  EXPECT_TRUE(Predict(request).ok());
}

TEST_F(RpcTest, AModelWithoutAVersionThatHoldsIsUnavailable) {
  StartWithVersion(1);
  std::filesystem::create_directories(root_.path() + "/video");
  process_->AwaitVersion("video", 0);
  v1::PredictRequest request = NamedRequest();
  request.set_model("video");
  grpc::Status status = Predict(request);
  for (int i = 0; i < 2000 && status.error_code() == StatusCode::NOT_FOUND; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    status = Predict(request);
  }
  EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("'video'"));
}

TEST_F(RpcTest, TheModelsNameMayBeLeftOutOnlyIfThereIsOneModel) {
  snapshot_.Publish(root_.path(), "video", 3);
  StartWithVersion(1);
  v1::PredictRequest request = NamedRequest();
  request.clear_model();
  const grpc::Status status = Predict(request);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("ads (version 1), video (version 3)"));
}

TEST_F(RpcTest, BadFeaturesAreInvalidAndAnotherSchemasAreAFailedPrecondition) {
  StartWithVersion(1);
  v1::PredictRequest request = Parse(R"({"model": "ads", "named": {"candidates": {"bid": [1, "x"]}}})");
  grpc::Status status = Predict(request);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("feature 'bid', candidate 1"));
  request.mutable_packed()->set_schema_fingerprint(1);
  request.set_candidate_count(1);
  status = Predict(request);
  EXPECT_EQ(status.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("GetModel"));
}

TEST_F(RpcTest, MoreCandidatesThanMayQueueAreInvalidSinceNoRetryHelps) {
  StartWithVersion(1);
  v1::PredictRequest request = Parse(R"({"candidate_count": 4000000000, "named": {}})");
  const grpc::Status status = Predict(request);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("16384"));
}

TEST_F(RpcTest, AsManyCandidatesAsMayQueueFitIntoAMessageAlsoWithManyValuesEach) {
  StartWithVersion(1);
  constexpr size_t kCandidates = 16384;
  constexpr size_t kTags = 50;
  v1::PredictRequest request;
  request.set_candidate_count(kCandidates);
  v1::PackedFeatures* packed = request.mutable_packed();
  packed->set_schema_fingerprint(model::Fingerprint(snapshot_.snapshot().schema));
  packed->mutable_context()->add_numeric(13);
  packed->mutable_context()->add_categorical(1);
  packed->mutable_context()->add_multi_count(0);
  packed->mutable_candidates()->mutable_numeric()->Resize(kCandidates, 1);
  packed->mutable_candidates()->mutable_categorical()->Resize(kCandidates, 1);
  packed->mutable_candidates()->mutable_multi_count()->Resize(kCandidates, kTags);
  packed->mutable_candidates()->mutable_multi()->Resize(kCandidates * kTags, 1);
  ASSERT_GT(request.ByteSizeLong(), size_t{6} << 20);
  const grpc::Status status = Predict(request);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response_.heads(0).probability_size(), static_cast<int>(kCandidates));
}

TEST_F(RpcTest, AFullQueueIsResourceExhausted) {
  Publish(1);
  // Nothing runs for a second, and one impression fills the queue.
  InProcess process(root_.path(), 3, 1'000'000);
  auto first = std::async(std::launch::async, [&] {
    v1::PredictResponse response;
    return process.Predict(NamedRequest(), &response);
  });
  while (HttpGet(process.http_port(), "/metrics").find("\nadscore_queued_rows 3\n") == std::string::npos &&
         first.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
  }
  v1::PredictResponse response;
  const grpc::Status refused = process.Predict(NamedRequest(), &response);
  EXPECT_EQ(refused.error_code(), StatusCode::RESOURCE_EXHAUSTED) << refused.error_message();
  EXPECT_THAT(refused.error_message(), HasSubstr("at most 3"));
  EXPECT_TRUE(first.get().ok());
}

TEST_F(RpcTest, CallsThatExpireWhileTheyWaitAreNotComputed) {
  Publish(1);
  InProcess process(root_.path(), 16384, 300'000);
  v1::PredictResponse response;
  EXPECT_EQ(process.Predict(NamedRequest(), &response, std::chrono::milliseconds(20)).error_code(),
            StatusCode::DEADLINE_EXCEEDED);
  std::string metrics;
  for (int i = 0; i < 2000; ++i) {
    metrics = HttpGet(process.http_port(), "/metrics");
    if (metrics.find("\nadscore_queue_duration_seconds_count 1\n") != std::string::npos) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_THAT(metrics, HasSubstr("adscore_rows_total{model=\"ads\"} 0\n"));
}

TEST_F(RpcTest, GetModelDescribesTheSchemaInOrder) {
  StartWithVersion(7);
  grpc::ClientContext context;
  v1::GetModelResponse model;
  const grpc::Status status = process_->prediction().GetModel(&context, {}, &model);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(model.model(), "ads");
  EXPECT_EQ(model.version(), 7);
  EXPECT_EQ(model.schema_fingerprint(), model::Fingerprint(snapshot_.snapshot().schema));
  ASSERT_EQ(model.features_size(), 6);
  EXPECT_EQ(model.features(0).name(), "hour");
  EXPECT_EQ(model.features(0).kind(), v1::Feature::KIND_NUMERIC);
  EXPECT_EQ(model.features(0).role(), v1::Feature::ROLE_CONTEXT);
  EXPECT_EQ(model.features(0).delimiter(), "");
  EXPECT_EQ(model.features(5).name(), "tags");
  EXPECT_EQ(model.features(5).kind(), v1::Feature::KIND_MULTI_CATEGORICAL);
  EXPECT_EQ(model.features(5).role(), v1::Feature::ROLE_CANDIDATE);
  EXPECT_EQ(model.features(5).delimiter(), "|");
  ASSERT_EQ(model.heads_size(), 2);
  EXPECT_EQ(model.heads(1).name(), "conversion");
  EXPECT_EQ(model.heads(1).base_rate(), 0.25);
  EXPECT_THAT(model.serving_versions(), ::testing::ElementsAre(7));
}

TEST_F(RpcTest, ListModelsShowsWhatServesAndWhatWasRefusedAndWhy) {
  std::filesystem::create_directories(root_.path() + "/ads/8");
  std::ofstream(root_.path() + "/ads/8/snapshot") << "damaged";
  StartWithVersion(7);
  grpc::ClientContext context;
  v1::ListModelsResponse models;
  ASSERT_TRUE(process_->models().ListModels(&context, {}, &models).ok());
  ASSERT_EQ(models.models_size(), 1);
  EXPECT_EQ(models.models(0).model(), "ads");
  EXPECT_EQ(models.models(0).serving_version(), 7);
  EXPECT_GT(models.models(0).serving_since().seconds(), 1'600'000'000);
  ASSERT_EQ(models.models(0).refused_size(), 1);
  EXPECT_EQ(models.models(0).refused(0).version(), 8);
  EXPECT_THAT(models.models(0).refused(0).reason(), HasSubstr("ads/8/snapshot"));
  grpc::ClientContext other_context;
  v1::ListModelsRequest other;
  other.set_model("other");
  EXPECT_EQ(process_->models().ListModels(&other_context, other, &models).error_code(),
            StatusCode::NOT_FOUND);
}

TEST_F(RpcTest, ATakenPortIsAnErrorThatNamesTheAddressAndTheWayOut) {
  StartWithVersion(1);
  ServerOptions options;
  options.model_root = root_.path();
  options.listen = process_->server().grpc_address();
  options.http_listen.port = 0;
  const auto second = Server::Start(options);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(ToString(options.listen)));
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("--listen"));
}

TEST_F(RpcTest, DrainingFinishesWhatRunsAndTurnsAwayWhatIsNew) {
  Publish(1);
  // The running calls wait in the queue for a while: they are under way when the drain begins.
  InProcess process(root_.path(), 16384, 200'000);
  std::vector<std::future<grpc::Status>> running;
  for (int i = 0; i < 4; ++i) {
    running.push_back(std::async(std::launch::async, [&] {
      v1::PredictResponse response;
      return process.Predict(NamedRequest(), &response);
    }));
  }
  while (HttpGet(process.http_port(), "/metrics").find("\nadscore_queued_rows 12\n") == std::string::npos &&
         running[0].wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
  }
  process.server().Drain();
  for (auto& call : running) {
    const grpc::Status status = call.get();
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
  EXPECT_THAT(HttpGet(process.http_port(), "/readyz"), StartsWith("HTTP/1.1 503"));
  v1::PredictResponse response;
  EXPECT_EQ(process.Predict(NamedRequest(), &response).error_code(), StatusCode::UNAVAILABLE);
}

TEST_F(RpcTest, UnderLoadADrainEndsEveryCallAsOkOrUnavailable) {
  StartWithVersion(1);
  std::atomic<int> answered{0};
  std::vector<std::future<grpc::Status>> callers;
  for (int c = 0; c < 8; ++c) {
    callers.push_back(std::async(std::launch::async, [&] {
      grpc::Status status;
      for (v1::PredictResponse response; status.ok(); ++answered)
        status = process_->Predict(NamedRequest(), &response);
      return status;
    }));
  }
  while (answered < 100) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  process_->server().Drain();
  for (auto& caller : callers) {
    const grpc::Status status = caller.get();
    EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE) << status.error_message();
  }
}

TEST_F(RpcTest, ADrainTurnsAwayCallersWhoNeverStopAndNoneOfThemSeesCancelled) {
  StartWithVersion(1);
  std::atomic<bool> stop{false};
  std::atomic<int> answered{0};
  std::atomic<int> turned_away{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 8; ++c) {
    callers.emplace_back([&] {
      while (!stop) {
        v1::PredictResponse response;
        const grpc::Status status = process_->Predict(NamedRequest(), &response);
        if (status.ok()) {
          ++answered;
          continue;
        }
        ++turned_away;
        ASSERT_EQ(status.error_code(), StatusCode::UNAVAILABLE) << status.error_message();
      }
    });
  }
  while (answered < 100) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  process_->server().Drain();
  stop = true;
  for (std::thread& caller : callers) caller.join();
  EXPECT_GT(turned_away, 0);
}

TEST_F(RpcTest, ACallAfterAPauseIsAsFastAsAnyOther) {
  StartWithVersion(1);
  ASSERT_TRUE(Predict(NamedRequest()).ok());
  // gRPC's callback servers fall asleep after a second: a call then takes up to 100 ms. The best of three,
  // since the machine may be busy.
  auto best = std::chrono::nanoseconds::max();
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1050));
    const auto start = std::chrono::steady_clock::now();
    ASSERT_TRUE(Predict(NamedRequest()).ok());
    best = std::min<std::chrono::nanoseconds>(best, std::chrono::steady_clock::now() - start);
  }
  EXPECT_LT(best, std::chrono::milliseconds(10));
}

TEST_F(RpcTest, ReflectionIsThere) {
  StartWithVersion(1);
  const grpc::ByteBuffer request;
  grpc::GenericStub stub(process_->channel());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  grpc::CompletionQueue queue;
  const auto call =
      stub.PrepareCall(&context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
  void* tag = nullptr;
  bool ok = false;
  call->StartCall(nullptr);
  queue.Next(&tag, &ok);
  call->WritesDone(nullptr);
  queue.Next(&tag, &ok);
  grpc::Status status;
  call->Finish(&status, nullptr);
  queue.Next(&tag, &ok);
  queue.Shutdown();
  EXPECT_TRUE(status.ok()) << status.error_message();
}

}  // namespace
}  // namespace adscore::server

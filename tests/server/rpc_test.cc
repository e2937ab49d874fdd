// Predict over real gRPC on loopback: answers and statuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/loopback_http.h"
#include "tests/server/rpc_fixture.h"

namespace adscore::server {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;

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
  v1::PredictRequest packed;
  packed.set_candidate_count(3);
  packed.mutable_packed()->set_schema_fingerprint(model::Fingerprint(schema));
  Pack(impression.context, packed.mutable_packed()->mutable_context());
  Pack(impression.candidates, packed.mutable_packed()->mutable_candidates());
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
  EXPECT_TRUE(AwaitMetric(
      process_->http_port(),
      "adscore_requests_total{model=\"ads\",version=\"1\",method=\"Predict\",code=\"OK\"} 800\n"));
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
  v1::PredictRequest request =
      ParseRequest(R"({"model": "ads", "named": {"candidates": {"bid": [1, "x"]}}})");
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
  v1::PredictRequest request = ParseRequest(R"({"candidate_count": 4000000000, "named": {}})");
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
  grpc::ClientContext context;
  v1::PredictResponse response;
  const grpc::Status refused = process.prediction().Predict(&context, NamedRequest(), &response);
  EXPECT_EQ(refused.error_code(), StatusCode::RESOURCE_EXHAUSTED) << refused.error_message();
  EXPECT_THAT(refused.error_message(), HasSubstr("at most 3"));
  const auto& trailing = context.GetServerTrailingMetadata();
  const auto hint = trailing.find("grpc-retry-pushback-ms");
  ASSERT_NE(hint, trailing.end()) << "when to retry";
  EXPECT_GE(std::stoi(std::string(hint->second.data(), hint->second.size())), 1);
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
  EXPECT_THAT(metrics, HasSubstr("adscore_rows_total{model=\"ads\",version=\"1\"} 0\n"));
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

}  // namespace
}  // namespace adscore::server

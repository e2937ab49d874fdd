// Health over real gRPC, and readiness beside it on the HTTP port.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/server/loopback_http.h"
#include "tests/server/rpc_fixture.h"

namespace adscore::server {
namespace {

using grpc::StatusCode;
using ::testing::StartsWith;

using HealthTest = RpcTest;

TEST_F(HealthTest, AnEmptyModelRootIsNotReadyAndBecomesReadyWhenTheFirstVersionArrives) {
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
  for (const char* service : {"", "adscore.v1.PredictionService", "ads"}) {
    EXPECT_EQ(process_->Health(service), "SERVING") << service;
  }
  EXPECT_EQ(process_->Health("other"), std::to_string(StatusCode::NOT_FOUND));
}

TEST_F(HealthTest, HealthKnowsEveryServiceAndEveryModelAlsoOneWithoutAVersionThatHolds) {
  std::filesystem::create_directories(root_.path() + "/video/1");
  std::ofstream(root_.path() + "/video/1/snapshot") << "damaged";
  Start();
  EXPECT_EQ(process_->Health("adscore.v1.ModelService"), "SERVING") << "it answers without a model too";
  EXPECT_EQ(process_->Health("video"), "NOT_SERVING");
  EXPECT_EQ(process_->Health("other"), std::to_string(StatusCode::NOT_FOUND));
}

TEST_F(HealthTest, AWatcherOfHealthIsToldOfEachChangeAndADrainEndsItsStreamAtOnce) {
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

TEST_F(HealthTest, WatchersThatLeaveMakeRoomForOthers) {
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

}  // namespace
}  // namespace adscore::server

// The Open Inference Protocol over real gRPC on loopback: the same answers as Predict, by the same rules.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "inference/grpc_inference_service.grpc.pb.h"
#include "tests/server/infer_requests.h"
#include "tests/server/loopback_http.h"
#include "tests/server/rpc_fixture.h"

namespace adscore::server {
namespace {

using grpc::StatusCode;
using inference::ModelInferRequest;
using inference::ModelInferResponse;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class InferenceRpcTest : public RpcTest {
 protected:
  inference::GRPCInferenceService::Stub& stub() {
    if (stub_ == nullptr) stub_ = inference::GRPCInferenceService::NewStub(process_->channel());
    return *stub_;
  }
  grpc::Status Infer(const ModelInferRequest& request,
                     std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + timeout);
    answer_.Clear();
    return stub().ModelInfer(&context, request, &answer_);
  }

  std::unique_ptr<inference::GRPCInferenceService::Stub> stub_;
  ModelInferResponse answer_;
};

TEST_F(InferenceRpcTest, ModelInferAnswersWhatPredictAnswersBitForBit) {
  StartWithVersion(7);
  ASSERT_TRUE(Predict(NamedRequest()).ok());
  ModelInferRequest raw = RawInferRequest();
  raw.set_id("42");
  grpc::Status status = Infer(raw);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(answer_.id(), "42");
  EXPECT_EQ(answer_.model_name(), "ads");
  EXPECT_EQ(answer_.model_version(), "7");
  ASSERT_EQ(answer_.outputs_size(), 2);
  for (int h = 0; h < 2; ++h) {
    EXPECT_EQ(answer_.outputs(h).name(), response_.heads(h).head());
    EXPECT_THAT(answer_.outputs(h).shape(), ElementsAre(3, 1));
    const auto& expected = response_.heads(h).probability();
    EXPECT_EQ(answer_.raw_output_contents(h),
              RawNumbers(std::vector<float>(expected.begin(), expected.end())));
  }
  status = Infer(TypedInferRequest());
  ASSERT_TRUE(status.ok()) << status.error_message();
  for (int h = 0; h < 2; ++h) {
    EXPECT_TRUE(
        std::ranges::equal(answer_.outputs(h).contents().fp32_contents(), response_.heads(h).probability()));
  }
  EXPECT_TRUE(AwaitMetric(process_->http_port(), "method=\"ModelInfer\",code=\"OK\"} 2\n"));
}

TEST_F(InferenceRpcTest, RefusalsHaveTheStatusesOfPredict) {
  StartWithVersion(7);
  ModelInferRequest request = RawInferRequest();
  request.set_model_name("adz");
  grpc::Status status = Infer(request);
  EXPECT_EQ(status.error_code(), StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("ads (version 7)"));
  request = RawInferRequest();
  request.set_model_version("6");
  EXPECT_EQ(Infer(request).error_code(), StatusCode::NOT_FOUND);
  request.set_model_version("7");
  EXPECT_TRUE(Infer(request).ok());
  request.set_model_version("seven");
  status = Infer(request);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("model_version: 'seven'"));
  request = RawInferRequest();
  request.set_raw_input_contents(3, "x");
  status = Infer(request);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("input 'bid'"));
  request.mutable_inputs(3)->set_shape(0, 1LL << 62);
  status = Infer(request);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(),
              HasSubstr("inputs: 4611686018427387904 candidates are more than this server takes"));
  EXPECT_EQ(Infer(ModelInferRequest()).error_code(), StatusCode::INVALID_ARGUMENT);
  request = RawInferRequest();
  (*request.mutable_parameters())["label"].set_string_param("canary");
  EXPECT_EQ(Infer(request).error_code(), StatusCode::NOT_FOUND);
}

TEST_F(InferenceRpcTest, TheEarlierOfTimeoutAndDeadlineCounts) {
  Publish(1);
  process_ = std::make_unique<InProcess>(root_.path(), 16384, 300'000);  // nothing runs for 0.3 s
  ModelInferRequest request = RawInferRequest();
  (*request.mutable_parameters())["timeout"].set_int64_param(1000);
  grpc::Status status = Infer(request);
  EXPECT_EQ(status.error_code(), StatusCode::DEADLINE_EXCEEDED);
  EXPECT_THAT(status.error_message(), HasSubstr("nothing was computed")) << "the server's own";
  (*request.mutable_parameters())["timeout"].set_int64_param(60'000'000);
  EXPECT_TRUE(Infer(request).ok());
  EXPECT_EQ(Infer(request, std::chrono::milliseconds(20)).error_code(), StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(InferenceRpcTest, TheCanaryTakesItsShareOfTheKeys) {
  Publish(1);
  StartWithVersion(2);
  ASSERT_EQ(process_->AwaitVersion("ads", 2), 2);
  Publish(3);
  ASSERT_EQ(process_->AwaitVersion("ads", 3), 3);
  grpc::ClientContext context;
  v1::SetCanaryRequest canary;
  canary.set_model("ads");
  canary.set_version(2);
  canary.set_share(1);
  v1::ModelStatus state;
  const grpc::Status set = process_->models().SetCanary(&context, canary, &state);
  ASSERT_TRUE(set.ok()) << set.error_message();
  ModelInferRequest request = RawInferRequest();
  ASSERT_TRUE(Infer(request).ok());
  EXPECT_EQ(answer_.model_version(), "3");
  (*request.mutable_parameters())["key"].set_string_param("user1");
  ASSERT_TRUE(Infer(request).ok());
  EXPECT_EQ(answer_.model_version(), "2");
}

TEST_F(InferenceRpcTest, ServerAndModelSayWhetherTheyAreReady) {
  std::filesystem::create_directories(root_.path() + "/video");
  StartWithVersion(7);
  const auto ready = [&](const std::string& name, const std::string& version) {
    grpc::ClientContext context;
    inference::ModelReadyRequest request;
    request.set_name(name);
    request.set_version(version);
    inference::ModelReadyResponse response;
    EXPECT_TRUE(stub().ModelReady(&context, request, &response).ok());
    return response.ready();
  };
  EXPECT_TRUE(ready("ads", ""));
  EXPECT_TRUE(ready("ads", "7"));
  EXPECT_FALSE(ready("ads", "6"));
  EXPECT_FALSE(ready("video", ""));
  EXPECT_FALSE(ready("nothing", ""));
  {
    grpc::ClientContext live, context;
    inference::ServerLiveResponse is_live;
    EXPECT_TRUE(stub().ServerLive(&live, {}, &is_live).ok());
    EXPECT_TRUE(is_live.live());
    inference::ServerReadyResponse is_ready;
    EXPECT_TRUE(stub().ServerReady(&context, {}, &is_ready).ok());
    EXPECT_TRUE(is_ready.ready());
  }
  for (const char* service : {"inference.GRPCInferenceService", "tensorflow.serving.PredictionService",
                              "tensorflow.serving.ModelService"}) {
    EXPECT_EQ(process_->Health(service), "SERVING") << service;
  }
}

TEST_F(InferenceRpcTest, MetadataAndConfigurationDescribeTheTensors) {
  StartWithVersion(7);
  grpc::ClientContext context;
  inference::ModelMetadataRequest request;
  request.set_name("ads");
  inference::ModelMetadataResponse metadata;
  ASSERT_TRUE(stub().ModelMetadata(&context, request, &metadata).ok());
  EXPECT_THAT(metadata.versions(), ElementsAre("7"));
  ASSERT_EQ(metadata.inputs_size(), 6);
  EXPECT_EQ(metadata.inputs(0).name(), "hour");
  EXPECT_EQ(metadata.inputs(0).datatype(), "FP32");
  EXPECT_EQ(metadata.inputs(4).name(), "ad");
  EXPECT_EQ(metadata.inputs(4).datatype(), "BYTES");
  EXPECT_THAT(metadata.inputs(4).shape(), ElementsAre(-1, 1));
  ASSERT_EQ(metadata.outputs_size(), 2);
  EXPECT_EQ(metadata.outputs(1).name(), "conversion");

  grpc::ClientContext config_context;
  inference::ModelConfigRequest config_request;
  config_request.set_name("ads");
  inference::ModelConfigResponse config;
  ASSERT_TRUE(stub().ModelConfig(&config_context, config_request, &config).ok());
  EXPECT_EQ(config.config().max_batch_size(), 16384);
  EXPECT_TRUE(config.config().has_dynamic_batching());
  ASSERT_EQ(config.config().input_size(), metadata.inputs_size());
  for (int i = 0; i < metadata.inputs_size(); ++i) {
    EXPECT_EQ(config.config().input(i).name(), metadata.inputs(i).name());
    EXPECT_THAT(config.config().input(i).dims(), ElementsAre(1));
  }
  grpc::ClientContext missing;
  request.set_name("adz");
  EXPECT_EQ(stub().ModelMetadata(&missing, request, &metadata).error_code(), StatusCode::NOT_FOUND);
}

TEST_F(InferenceRpcTest, StatisticsCountWhatEveryMethodScored) {
  StartWithVersion(7);
  ASSERT_TRUE(Infer(RawInferRequest()).ok());
  ASSERT_TRUE(Predict(NamedRequest()).ok());
  ModelInferRequest bad = RawInferRequest();
  bad.add_outputs()->set_name("x");
  ASSERT_FALSE(Infer(bad).ok());
  for (const char* counted : {"method=\"ModelInfer\",code=\"OK\"} 1\n", "method=\"Predict\",code=\"OK\"} 1\n",
                              "method=\"ModelInfer\",code=\"INVALID_ARGUMENT\"} 1\n"}) {
    ASSERT_TRUE(AwaitMetric(process_->http_port(), counted)) << counted;
  }
  for (const char* name : {"", "ads"}) {
    grpc::ClientContext context;
    inference::ModelStatisticsRequest request;
    request.set_name(name);
    inference::ModelStatisticsResponse response;
    ASSERT_TRUE(stub().ModelStatistics(&context, request, &response).ok());
    ASSERT_EQ(response.model_stats_size(), 1);
    const inference::ModelStatistics& stats = response.model_stats(0);
    EXPECT_EQ(stats.version(), "7");
    EXPECT_EQ(stats.inference_count(), 6u) << "candidates";
    EXPECT_EQ(stats.execution_count(), 2u) << "forward passes";
    const inference::InferStatistics& of = stats.inference_stats();
    EXPECT_EQ(of.success().count(), 2u);
    EXPECT_EQ(of.fail().count(), 1u);
    EXPECT_EQ(of.queue().count(), 2u);
    EXPECT_GT(of.compute_infer().ns(), 0u);
    EXPECT_EQ(of.compute_infer().count(), 2u);
    EXPECT_EQ(of.compute_input().count(), 2u) << "perf_analyzer gives up if these differ";
    EXPECT_EQ(of.compute_output().count(), 2u);
    EXPECT_GE(of.success().ns(), of.queue().ns() + of.compute_infer().ns());
    EXPECT_GT(of.fail().ns(), 0u);
  }
}

TEST_F(InferenceRpcTest, ADrainingServerIsNotReadyAndTurnsCallsAway) {
  StartWithVersion(1);
  ASSERT_TRUE(Infer(RawInferRequest()).ok());
  process_->server().Drain();
  EXPECT_EQ(Infer(RawInferRequest()).error_code(), StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace adscore::server

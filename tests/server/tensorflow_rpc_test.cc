// TensorFlow Serving's services over real gRPC on loopback.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "tensorflow/serving/model_service.grpc.pb.h"
#include "tensorflow/serving/prediction_service.grpc.pb.h"
#include "tests/server/loopback_http.h"
#include "tests/server/rpc_fixture.h"

namespace adscore::server {
namespace {

using grpc::StatusCode;
using tensorflow::serving::ModelVersionStatus;
using ::testing::HasSubstr;

class TensorFlowRpcTest : public RpcTest {
 protected:
  // The impression of NamedRequest.
  static tensorflow::serving::PredictRequest Request() {
    tensorflow::serving::PredictRequest request;
    request.mutable_model_spec()->set_name("ads");
    const auto strings = [&](const char* name, const std::vector<std::string>& values) {
      auto& tensor = (*request.mutable_inputs())[name];
      tensor.set_dtype(tensorflow::DT_STRING);
      tensor.mutable_tensor_shape()->add_dim()->set_size(static_cast<int64_t>(values.size()));
      tensor.mutable_string_val()->Add(values.begin(), values.end());
    };
    const auto numbers = [&](const char* name, const std::vector<float>& values) {
      auto& tensor = (*request.mutable_inputs())[name];
      tensor.set_dtype(tensorflow::DT_FLOAT);
      tensor.mutable_tensor_shape()->add_dim()->set_size(static_cast<int64_t>(values.size()));
      tensor.mutable_float_val()->Add(values.begin(), values.end());
    };
    numbers("hour", {13});
    strings("site", {"site1"});
    strings("interests", {"tag1|tag4"});
    numbers("bid", {0.5F, 1.5F, std::numeric_limits<float>::quiet_NaN()});
    strings("ad", {"ad1", "ad2", "ad3"});
    strings("tags", {"tag2|tag3", "", ""});
    return request;
  }
  grpc::Status Call(const tensorflow::serving::PredictRequest& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    answer_.Clear();
    return tensorflow::serving::PredictionService::NewStub(process_->channel())
        ->Predict(&context, request, &answer_);
  }
  grpc::Status Status(const std::string& name, int64_t version,
                      tensorflow::serving::GetModelStatusResponse* response) {
    grpc::ClientContext context;
    tensorflow::serving::GetModelStatusRequest request;
    request.mutable_model_spec()->set_name(name);
    if (version != 0) request.mutable_model_spec()->mutable_version()->set_value(version);
    return tensorflow::serving::ModelService::NewStub(process_->channel())
        ->GetModelStatus(&context, request, response);
  }

  tensorflow::serving::PredictResponse answer_;
};

TEST_F(TensorFlowRpcTest, PredictAnswersWhatOurOwnAnswersBitForBit) {
  StartWithVersion(7);
  ASSERT_TRUE(Predict(NamedRequest()).ok());
  const grpc::Status status = Call(Request());
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(answer_.model_spec().version().value(), 7);
  ASSERT_EQ(answer_.outputs_size(), 2);
  for (int h = 0; h < 2; ++h) {
    EXPECT_TRUE(std::ranges::equal(answer_.outputs().at(response_.heads(h).head()).float_val(),
                                   response_.heads(h).probability()));
  }
  EXPECT_TRUE(AwaitMetric(process_->http_port(), "method=\"TensorFlowPredict\",code=\"OK\"} 1\n"));
}

TEST_F(TensorFlowRpcTest, RefusalsHaveTheStatusesOfOurOwn) {
  StartWithVersion(7);
  auto request = Request();
  request.add_output_filter("conversion");
  ASSERT_TRUE(Call(request).ok());
  EXPECT_EQ(answer_.outputs_size(), 1);
  request.add_output_filter("dense_2");
  grpc::Status status = Call(request);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("no head 'dense_2'; it has click, conversion"));
  request = Request();
  request.mutable_model_spec()->mutable_version()->set_value(8);
  EXPECT_EQ(Call(request).error_code(), StatusCode::NOT_FOUND);
  request.mutable_model_spec()->mutable_version()->set_value(-8);
  EXPECT_EQ(Call(request).error_code(), StatusCode::INVALID_ARGUMENT);
  request = Request();
  (*request.mutable_inputs())["bid"].mutable_tensor_shape()->mutable_dim(0)->set_size(1LL << 62);
  EXPECT_THAT(Call(request).error_message(), HasSubstr("more than this server takes"));
}

TEST_F(TensorFlowRpcTest, GetModelStatusTellsWhatIsInMemoryAndWhatWasRefused) {
  StartWithVersion(7);
  std::filesystem::create_directories(root_.path() + "/ads/8");
  std::ofstream(root_.path() + "/ads/8/snapshot") << "no snapshot";
  tensorflow::serving::GetModelStatusResponse response;
  for (int i = 0; i < 2000 && response.model_version_status_size() < 2; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    response.Clear();
    ASSERT_TRUE(Status("ads", 0, &response).ok());
  }
  ASSERT_EQ(response.model_version_status_size(), 2);
  EXPECT_EQ(response.model_version_status(0).version(), 8);
  EXPECT_EQ(response.model_version_status(0).state(), ModelVersionStatus::END);
  EXPECT_FALSE(response.model_version_status(0).status().error_message().empty());
  EXPECT_EQ(response.model_version_status(1).version(), 7);
  EXPECT_EQ(response.model_version_status(1).state(), ModelVersionStatus::AVAILABLE);
  response.Clear();
  ASSERT_TRUE(Status("ads", 7, &response).ok());
  EXPECT_EQ(response.model_version_status_size(), 1);
  response.Clear();
  EXPECT_EQ(Status("ads", 9, &response).error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(Status("adz", 0, &response).error_code(), StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace adscore::server

// ModelService and the choice of a version over real gRPC: pins, rollbacks, canaries, labels, a damaged
// model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/server/rpc_fixture.h"

namespace adscore::server {
namespace {

using grpc::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RolloutRpcTest : public RpcTest {
 protected:
  void StartWithVersions(int64_t last) {
    StartWithVersion(1);
    for (int64_t version = 2; version <= last; ++version) {
      model::testing::TinySnapshot({.seed = static_cast<uint64_t>(version)})
          .Publish(root_.path(), "ads", version);
      ASSERT_EQ(process_->AwaitVersion("ads", version), version);
    }
  }
  grpc::Status Pin(int64_t version) {
    grpc::ClientContext context;
    v1::PinRequest request;
    request.set_model("ads");
    request.set_version(version);
    return process_->models().Pin(&context, request, &model_);
  }
  grpc::Status SetCanary(int64_t version, double share) {
    grpc::ClientContext context;
    v1::SetCanaryRequest request;
    request.set_model("ads");
    request.set_version(version);
    request.set_share(share);
    return process_->models().SetCanary(&context, request, &model_);
  }
  int64_t Answering(const std::string& label, const std::string& key = "", int64_t version = 0) {
    v1::PredictRequest request = NamedRequest();
    request.set_label(label);
    request.set_key(key);
    request.set_version(version);
    status_ = Predict(request);
    return response_.version();
  }

  v1::ModelStatus model_;
  grpc::Status status_;
};

TEST_F(RolloutRpcTest, APinServesWhenItReturnsAndAfterARestart) {
  StartWithVersions(3);
  const grpc::Status status = Pin(1);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(model_.serving_version(), 1);
  EXPECT_EQ(model_.pinned_version(), 1);
  EXPECT_EQ(Answering(""), 1);
  process_.reset();
  Start();
  EXPECT_EQ(Answering(""), 1);
  grpc::ClientContext context;
  v1::UnpinRequest request;
  request.set_model("ads");
  ASSERT_TRUE(process_->models().Unpin(&context, request, &model_).ok());
  EXPECT_EQ(model_.serving_version(), 3);
  EXPECT_EQ(Answering(""), 3);
}

TEST_F(RolloutRpcTest, ARollBackAnswersWithTheVersionBefore) {
  StartWithVersions(2);
  grpc::ClientContext context;
  v1::RollBackRequest request;
  request.set_model("ads");
  ASSERT_TRUE(process_->models().RollBack(&context, request, &model_).ok());
  EXPECT_EQ(model_.serving_version(), 1);
  EXPECT_THAT(model_.loaded_versions(), ElementsAre(2, 1));
  EXPECT_EQ(Answering(""), 1);
  EXPECT_EQ(Answering("", "", 2), 2) << "what is in memory answers by number";
}

TEST_F(RolloutRpcTest, DecisionsThatCantBeCarriedOutSayWhy) {
  StartWithVersions(1);
  EXPECT_EQ(Pin(9).error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(Pin(0).error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(SetCanary(1, 0.1).error_code(), StatusCode::INVALID_ARGUMENT);
  grpc::ClientContext context;
  v1::PinRequest request;
  request.set_model("other");
  const grpc::Status status = process_->models().Pin(&context, request, &model_);
  EXPECT_EQ(status.error_code(), StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("which has ads"));
}

TEST_F(RolloutRpcTest, ACanaryAnswersByLabelAndByKey) {
  StartWithVersions(2);
  ASSERT_TRUE(SetCanary(1, 1).ok());
  EXPECT_EQ(Answering("canary"), 1);
  EXPECT_EQ(Answering("stable"), 2);
  EXPECT_EQ(Answering("", "some user"), 1) << "the share is all of the keys";
  EXPECT_EQ(Answering(""), 2) << "without a key";
  EXPECT_EQ(Answering("beta"), 0);
  EXPECT_EQ(status_.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status_.error_message(), HasSubstr("'beta' is neither 'stable' nor 'canary'"));
  EXPECT_EQ(Answering("stable", "", 2), 0);
  EXPECT_EQ(status_.error_code(), StatusCode::INVALID_ARGUMENT);
  ASSERT_TRUE(SetCanary(0, 0).ok());
  EXPECT_EQ(Answering("canary"), 0);
  EXPECT_EQ(status_.error_code(), StatusCode::NOT_FOUND);
}

TEST_F(RolloutRpcTest, AFileThatIsCutShortIsNeverAnsweredFrom) {
  StartWithVersions(2);
  std::filesystem::resize_file(root_.path() + "/ads/2/snapshot", 0);
  // Refused until the server has gone back to version 1; never answered by what was version 2.
  for (int i = 0; i < 4000 && Answering("") != 1; ++i) {
    ASSERT_EQ(status_.error_code(), StatusCode::UNAVAILABLE) << response_.ShortDebugString();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(Answering(""), 1);
  const std::vector<float> expected = Reference(NamedRequest());
  EXPECT_NEAR(response_.heads(0).probability(0), expected[0], 1e-6);
}

}  // namespace
}  // namespace adscore::server

// What a server says of itself over real gRPC: GetModel, ListModels, reflection.
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/server/rpc_fixture.h"

namespace adscore::server {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;

using LookupTest = RpcTest;

TEST_F(LookupTest, GetModelDescribesTheSchemaInOrder) {
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

TEST_F(LookupTest, GetModelSaysWhichHeadFollowsAnother) {
  model::testing::TinySnapshot({.chained = true}).Publish(root_.path(), "ads", 1);
  Start();
  grpc::ClientContext context;
  v1::GetModelResponse model;
  ASSERT_TRUE(process_->prediction().GetModel(&context, {}, &model).ok());
  ASSERT_EQ(model.heads_size(), 2);
  EXPECT_EQ(model.heads(0).after(), "");
  EXPECT_EQ(model.heads(1).after(), "click");
}

TEST_F(LookupTest, ListModelsShowsWhatServesAndWhatWasRefusedAndWhy) {
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

TEST_F(LookupTest, ReflectionIsThere) {
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

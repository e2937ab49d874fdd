// The request log of a whole server: whatever a caller speaks, what was asked and answered is in it, and
// nothing of who asked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "inference/grpc_inference_service.grpc.pb.h"
#include "request_log/log_files.h"
#include "request_log/log_reader.h"
#include "tests/server/infer_requests.h"
#include "tests/server/rpc_fixture.h"

namespace adscore::server {
namespace {

class RequestLogRpcTest : public RpcTest {
 protected:
  std::string Directory() const { return root_.path() + "-log"; }
  ~RequestLogRpcTest() override { std::filesystem::remove_all(Directory()); }

  // Ends the server, so that its log is complete.
  std::vector<v1::LoggedRequest> Logged() {
    process_.reset();
    std::vector<v1::LoggedRequest> records;
    const auto files = request_log::FindLogFiles(Directory());
    EXPECT_TRUE(files.ok()) << files.status();
    if (!files.ok()) return records;
    for (const std::string& file : *files) {
      const auto reader = request_log::LogReader::Open(file);
      v1::LoggedRequest record;
      for (;;) {
        const auto read = (*reader)->Next(&record);
        EXPECT_TRUE(read.ok()) << read.status();
        if (!read.value_or(false)) break;
        records.push_back(record);
      }
    }
    return records;
  }
};

TEST_F(RequestLogRpcTest, EveryProtocolIsLoggedInOneFormWithoutKeys) {
  Publish(7);
  process_ =
      std::make_unique<InProcess>(root_.path(), RequestLogOptions{.directory = Directory(), .share = 1});
  v1::PredictRequest named = NamedRequest();
  named.set_key("user-4711");
  ASSERT_TRUE(Predict(named).ok());

  grpc::ClientContext stream_context;
  const auto stream = process_->prediction().PredictStream(&stream_context);
  v1::PredictStreamRequest streamed;
  *streamed.mutable_request() = named;
  v1::PredictStreamResponse stream_response;
  ASSERT_TRUE(stream->Write(streamed) && stream->Read(&stream_response));
  stream->WritesDone();
  ASSERT_TRUE(stream->Finish().ok());

  grpc::ClientContext infer_context;
  inference::ModelInferResponse inferred;
  const auto inference = inference::GRPCInferenceService::NewStub(process_->channel());
  ASSERT_TRUE(inference->ModelInfer(&infer_context, RawInferRequest(), &inferred).ok());

  v1::PredictRequest refused = NamedRequest();
  refused.set_model("none");
  ASSERT_FALSE(Predict(refused).ok());
  ASSERT_TRUE(Predict(NamedRequest()).ok());

  const std::vector<v1::LoggedRequest> records = Logged();
  ASSERT_EQ(records.size(), 4u);
  for (const v1::LoggedRequest& record : records) {
    EXPECT_EQ(record.model(), "ads");
    EXPECT_EQ(record.version(), 7);
    EXPECT_EQ(record.candidate_count(), 3u);
    EXPECT_EQ(record.features().SerializeAsString(), records[0].features().SerializeAsString());
    ASSERT_EQ(record.heads_size(), response_.heads_size());
    for (int h = 0; h < record.heads_size(); ++h) {
      EXPECT_EQ(record.heads(h).SerializeAsString(), response_.heads(h).SerializeAsString());
    }
    EXPECT_EQ(record.SerializeAsString().find("user-4711"), std::string::npos);
  }

  // What was logged may be asked again, and has the same answer.
  Start();
  v1::PredictRequest again;
  again.set_model(records[0].model());
  again.set_candidate_count(records[0].candidate_count());
  *again.mutable_packed() = records[0].features();
  ASSERT_TRUE(Predict(again).ok());
  EXPECT_EQ(response_.heads(0).probability(2), records[0].heads(0).probability(2));
}

TEST_F(RequestLogRpcTest, AServerWhoseLogCannotBeWrittenServes) {
  Publish(7);
  std::ofstream(Directory()) << "no directory";
  process_ =
      std::make_unique<InProcess>(root_.path(), RequestLogOptions{.directory = Directory(), .share = 1});
  EXPECT_TRUE(Predict(NamedRequest()).ok());
  EXPECT_EQ(process_->Health(""), "SERVING");
}

}  // namespace
}  // namespace adscore::server

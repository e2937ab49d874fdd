#include "client/client.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "data/cell.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/fake_server.h"

namespace adscore::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Generous: these tests run beside compilers. The deadline's own test makes its own.
constexpr ClientOptions kPatient{.deadline = std::chrono::seconds(30)};

void TwoAds(ImpressionBuilder& impression) {
  impression.SetContext("hour", 13);
  impression.SetCandidate("ad", 0, "a1");
  impression.SetCandidate("ad", 1, "a2");
  impression.SetCandidate("bid", 0, 0.25);
  impression.SetCandidate("bid", 1, 0.5);
}

std::string Message(const absl::Status& status) { return std::string(status.message()); }

class ClientTest : public ::testing::Test {
 protected:
  FakeServer server_;
  const std::unique_ptr<Client> client_ = *Client::Connect(server_.target(), kPatient);
};

TEST_F(ClientTest, AnswersCarryOneProbabilityPerCandidateTheHeadsNamesAndTheVersion) {
  const absl::StatusOr<v1::PredictResponse> answer = client_->Predict("ads", 2, TwoAds);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->version(), 1);
  ASSERT_EQ(answer->heads_size(), 1);
  EXPECT_EQ(answer->heads(0).head(), "click");
  EXPECT_THAT(answer->heads(0).probability(), ElementsAre(0.25f, 0.5f));
  const v1::PredictRequest request = server_.last_request();
  EXPECT_EQ(request.model(), "ads");
  EXPECT_EQ(request.candidate_count(), 2u);
  EXPECT_THAT(request.packed().context().numeric(), ElementsAre(13.0f));
  EXPECT_THAT(request.packed().candidates().categorical(),
              ElementsAre(data::TokenHash("a1"), data::TokenHash("a2")));
}

TEST_F(ClientTest, TheSchemaIsFetchedOnce) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(client_->Predict("ads", 2, TwoAds).ok());
  EXPECT_EQ(server_.predict_calls(), 5u);
  EXPECT_EQ(server_.get_model_calls(), 1u);
}

TEST_F(ClientTest, AChangedSchemaIsFetchedAgainAndTheCallStillSucceeds) {
  ASSERT_TRUE(client_->Predict("ads", 2, TwoAds).ok());
  server_.Serve(2, /*fingerprint=*/8);
  const absl::StatusOr<v1::PredictResponse> answer = client_->Predict("ads", 2, TwoAds);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->version(), 2);
  EXPECT_EQ(server_.predict_calls(), 4u);  // one; two with the old schema, perhaps of two replicas; one
  EXPECT_EQ(server_.get_model_calls(), 2u);
}

TEST_F(ClientTest, ASchemaThatNeverFitsIsNotFetchedInALoop) {
  server_.FailEvery(1, {grpc::StatusCode::FAILED_PRECONDITION, "packed for another schema"});
  const absl::StatusOr<v1::PredictResponse> answer = client_->Predict("ads", 2, TwoAds);
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(server_.predict_calls(), 4u);
}

TEST_F(ClientTest, ANewVersionsHeadsGetTheirOwnNames) {
  ASSERT_TRUE(client_->Predict("ads", 2, TwoAds).ok());
  server_.Serve(2, /*fingerprint=*/7, {"conversion", "click"});
  for (int i = 0; i < 3; ++i) {
    const absl::StatusOr<v1::PredictResponse> answer = client_->Predict("ads", 2, TwoAds);
    ASSERT_TRUE(answer.ok()) << answer.status();
    ASSERT_EQ(answer->heads_size(), 2);
    EXPECT_EQ(answer->heads(0).head(), "conversion");
    EXPECT_EQ(answer->heads(1).head(), "click");
  }
  EXPECT_EQ(server_.get_model_calls(), 2u);
}

TEST_F(ClientTest, AVersionsNumberThatIsUsedAgainForOtherHeadsGetsTheirNames) {
  ASSERT_TRUE(client_->Predict("ads", 2, TwoAds).ok());
  server_.Serve(1, /*fingerprint=*/7, {"click", "conversion"});
  const absl::StatusOr<v1::PredictResponse> answer = client_->Predict("ads", 2, TwoAds);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->heads(1).head(), "conversion");
  ASSERT_TRUE(client_->Predict("ads", 2, TwoAds).ok());
  EXPECT_EQ(server_.get_model_calls(), 2u);
}

TEST_F(ClientTest, AnAnswerWithoutTheHeadsOfItsVersionIsNotPassedOn) {
  ASSERT_TRUE(client_->Predict("ads", 2, TwoAds).ok());
  server_.Serve(1, /*fingerprint=*/7, /*heads=*/{});
  EXPECT_EQ(client_->Predict("ads", 2, TwoAds).status().code(), absl::StatusCode::kInternal);
}

TEST_F(ClientTest, AWrongImpressionIsRefusedBeforeItTravels) {
  const absl::StatusOr<v1::PredictResponse> answer = client_->Predict(
      "ads", 1, [](ImpressionBuilder& impression) { impression.SetCandidate("bib", 0, 0.5); });
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(server_.predict_calls(), 0u);
}

TEST_F(ClientTest, TheServersCodeAndWordsArePassedOn) {
  const absl::StatusOr<v1::PredictResponse> unknown = client_->Predict("adz", 2, TwoAds);
  EXPECT_EQ(unknown.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Message(unknown.status()), "no model 'adz'; there is: ads");
  server_.FailEvery(1, {grpc::StatusCode::RESOURCE_EXHAUSTED, "4096 rows are queued"});
  const absl::StatusOr<v1::PredictResponse> full = client_->Predict("ads", 2, TwoAds);
  EXPECT_EQ(full.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Message(full.status()), "4096 rows are queued");
}

TEST_F(ClientTest, ThreadsShareOneClient) {
  std::vector<std::thread> threads;
  std::atomic<int> answered{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        if (t == 0 && i == 10) server_.Serve(2, /*fingerprint=*/8);
        const absl::StatusOr<v1::PredictResponse> answer = client_->Predict("ads", 2, TwoAds);
        EXPECT_TRUE(answer.ok()) << answer.status();
        answered += answer.ok() ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answered, 100);
}

TEST_F(ClientTest, TheDeadlineIsHonoured) {
  server_.set_delay(std::chrono::seconds(20));
  const std::unique_ptr<Client> hurried =
      *Client::Connect(server_.target(), {.deadline = std::chrono::milliseconds(100)});
  const auto start = std::chrono::steady_clock::now();
  const absl::StatusOr<v1::PredictResponse> answer = hurried->Predict("ads", 2, TwoAds);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(Message(answer.status()), HasSubstr("within the deadline of 100 ms"));
}

TEST(ClientTarget, WhereNothingListensTheMessageSaysSoAndWhatToDo) {
  const std::string target = UnusedPort().target();
  const std::unique_ptr<Client> client = *Client::Connect(target, kPatient);
  const absl::StatusOr<v1::PredictResponse> answer = client->Predict("ads", 2, TwoAds);
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Message(answer.status()),
            "nothing listens at " + target + "; start adscore-server there or check the target");
}

// An HTTP/1 server, such as the one with the metrics, as far as gRPC sees it: it does not answer in HTTP/2.
TEST(ClientTarget, WhereSomethingElseListensTheMessageSaysSo) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  std::thread server([listener] {
    const int connection = accept(listener, nullptr, nullptr);
    constexpr std::string_view kAnswer = "HTTP/1.1 400 Bad Request\r\n\r\n";
    EXPECT_EQ(write(connection, kAnswer.data(), kAnswer.size()), static_cast<ssize_t>(kAnswer.size()));
    close(listener);
    char rest[1024];
    while (read(connection, rest, sizeof(rest)) > 0) {
    }
    close(connection);
  });
  const std::string target = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  const absl::StatusOr<v1::ListModelsResponse> answer = (*Client::Connect(target, kPatient))->ListModels("");
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(answer.status()), HasSubstr("does not speak gRPC"));
  server.join();
}

TEST(ClientTarget, WithoutAPortIsRefused) {
  for (const char* target : {"localhost", "localhost:", ":8500", "localhost:http", "localhost:70000", ""}) {
    const absl::StatusOr<std::unique_ptr<Client>> client = Client::Connect(target);
    EXPECT_EQ(client.status().code(), absl::StatusCode::kInvalidArgument) << target;
    EXPECT_THAT(Message(client.status()), HasSubstr("HOST:PORT")) << target;
  }
  for (const char* target : {"localhost:8500", "[::1]:8500", "unix:/run/adscore.sock", "dns:///ads:8500"}) {
    EXPECT_TRUE(Client::Connect(target).ok()) << target;
  }
}

}  // namespace
}  // namespace adscore::client

// The client against replicas that refuse, hang, are gone or come later: how many attempts a call makes of
// it, and where.
#include "client/attempts.h"

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "client/client.h"
#include "gtest/gtest.h"
#include "tests/client/fake_server.h"

namespace adscore::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const grpc::Status kFull(grpc::StatusCode::RESOURCE_EXHAUSTED, "the queue is full");
const grpc::Status kDraining(grpc::StatusCode::UNAVAILABLE, "draining");

absl::StatusOr<v1::PredictResponse> Predict(Client* client) {
  return client->Predict("ads", 1,
                         [](ImpressionBuilder& impression) { impression.SetCandidate("bid", 0, 0.5); });
}

class AttemptsTest : public ::testing::Test {
 protected:
  // All of them behind one target.
  std::unique_ptr<Client> Connect(const std::vector<std::string>& targets, const ClientOptions& options) {
    std::string list;
    for (const std::string& target : targets) list += (list.empty() ? "ipv4:" : ",") + target;
    return *Client::Connect(list, options);
  }

  // Asks until both servers have answered, so that there is a connection to each.
  void AskBoth(Client* client) {
    while (one_.predict_calls() == 0 || two_.predict_calls() == 0) ASSERT_TRUE(Predict(client).ok());
  }

  FakeServer one_;
  FakeServer two_;
};

TEST_F(AttemptsTest, CallsGoToAllAddressesInTurn) {
  const auto client = Connect({one_.target(), two_.target()}, {.deadline = seconds(30)});
  AskBoth(client.get());
  const uint64_t before = one_.predict_calls();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Predict(client.get()).ok());
  EXPECT_EQ(one_.predict_calls() - before, 10u);
}

TEST_F(AttemptsTest, WhatOneReplicaRefusesAnotherOneAnswers) {
  for (const grpc::Status& status : {kFull, kDraining}) {
    one_.FailEvery(1, status);
    const auto client = Connect({one_.target(), two_.target()}, {.deadline = seconds(30)});
    for (int i = 0; i < 20; ++i) {
      const absl::StatusOr<v1::PredictResponse> answer = Predict(client.get());
      EXPECT_TRUE(answer.ok()) << answer.status();
    }
  }
  EXPECT_GT(one_.predict_calls(), 10u);
}

TEST_F(AttemptsTest, AReplicaThatIsGoneIsNotMissed) {
  const UnusedPort never;
  auto third = std::make_unique<FakeServer>();
  const auto client = Connect({never.target(), one_.target(), third->target()}, {.deadline = seconds(30)});
  for (int i = 0; i < 20; ++i) {
    if (i == 10) third.reset();
    const absl::StatusOr<v1::PredictResponse> answer = Predict(client.get());
    EXPECT_TRUE(answer.ok()) << answer.status();
  }
}

TEST_F(AttemptsTest, WhatCannotSucceedIsTriedOnce) {
  const auto client = Connect({one_.target()}, {.deadline = seconds(30)});
  uint64_t calls = 0;
  for (const grpc::Status& status :
       {grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no"),
        grpc::Status(grpc::StatusCode::INTERNAL, "no"),
        grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "Received message larger than max (9 vs. 8)")}) {
    one_.FailEvery(1, status);
    EXPECT_EQ(static_cast<int>(Predict(client.get()).status().code()), status.error_code());
    EXPECT_EQ(one_.predict_calls(), ++calls);
  }
}

TEST_F(AttemptsTest, NoCallHasMoreAttemptsThanAllowed) {
  one_.FailEvery(1, kFull);
  for (const int most : {1, 3}) {
    const uint64_t before = one_.predict_calls();
    const auto client = Connect({one_.target()}, {.deadline = seconds(30), .retry = {.max_attempts = most}});
    EXPECT_EQ(Predict(client.get()).status().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(one_.predict_calls() - before, static_cast<uint64_t>(most));
  }
}

TEST_F(AttemptsTest, TheBudgetEndsARetryStormAndSuccessesRefillIt) {
  one_.FailEvery(1, kFull);
  const auto client = Connect(
      {one_.target()},
      {.deadline = seconds(30),
       .retry = {
           .max_attempts = 100, .backoff_base = milliseconds(1), .budget_tokens = 20, .budget_refill = 1}});
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(Predict(client.get()).ok());
  EXPECT_EQ(one_.predict_calls(), 100u + 9u);  // the tenth failure leaves half of the 20 tokens

  one_.FailEvery(0, {});
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(Predict(client.get()).ok());
  one_.FailEvery(1, kFull);
  const uint64_t before = one_.predict_calls();
  EXPECT_FALSE(Predict(client.get()).ok());
  EXPECT_EQ(one_.predict_calls() - before, 1u + 9u);
}

TEST_F(AttemptsTest, RetriesEndWithTheDeadline) {
  one_.FailEvery(1, kFull);
  const auto client = Connect(
      {one_.target()}, {.deadline = seconds(2), .retry = {.max_attempts = 1'000'000, .budget_tokens = 1e9}});
  const auto start = std::chrono::steady_clock::now();
  const absl::Status status = Predict(client.get()).status();
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(60));
  EXPECT_TRUE(absl::IsResourceExhausted(status) || absl::IsDeadlineExceeded(status)) << status;
  EXPECT_GT(one_.predict_calls(), 1u);
}

TEST_F(AttemptsTest, TheServersHintIsWaitedFor) {
  const auto client = Connect({one_.target()}, {.deadline = seconds(30)});
  ASSERT_TRUE(Predict(client.get()).ok());
  one_.FailEvery(2, kFull);
  one_.PushBack("300");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(Predict(client.get()).ok());
  EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(300));
  EXPECT_EQ(one_.predict_calls(), 3u);
}

TEST_F(AttemptsTest, AHintBeyondTheDeadlineOrAgainstRetriesEndsTheCallAtOnce) {
  one_.FailEvery(1, kFull);
  const auto client = Connect({one_.target()}, {.deadline = seconds(30)});
  uint64_t calls = 0;
  for (const char* hint : {"60000", "9223372036854775807", "-1", "soon"}) {
    one_.PushBack(hint);
    EXPECT_EQ(Predict(client.get()).status().code(), absl::StatusCode::kResourceExhausted) << hint;
    EXPECT_EQ(one_.predict_calls(), ++calls) << hint;
  }
}

TEST_F(AttemptsTest, AHedgeAnswersForAReplicaThatHangs) {
  const auto client = Connect({one_.target(), two_.target()},
                              {.deadline = seconds(60), .retry = {.hedge_after = milliseconds(20)}});
  AskBoth(client.get());
  one_.set_delay(seconds(50));
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 6; ++i) {
    const absl::StatusOr<v1::PredictResponse> answer = Predict(client.get());
    EXPECT_TRUE(answer.ok()) << answer.status();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(30));
}

TEST_F(AttemptsTest, AHedgeComesOutOfTheBudget) {
  const auto client =
      Connect({one_.target(), two_.target()},
              {.deadline = seconds(3), .retry = {.budget_tokens = 0, .hedge_after = milliseconds(1)}});
  AskBoth(client.get());
  one_.set_delay(seconds(50));
  int late = 0;
  for (int i = 0; i < 2; ++i) late += absl::IsDeadlineExceeded(Predict(client.get()).status());
  EXPECT_EQ(late, 1);
}

TEST_F(AttemptsTest, WaitingForReadyOutlastsAServerThatStartsLater) {
  const UnusedPort port;
  const auto hasty = Connect({port.target()}, {.deadline = seconds(30)});
  EXPECT_EQ(Predict(hasty.get()).status().code(), absl::StatusCode::kUnavailable);

  const auto patient = Connect({port.target()}, {.deadline = seconds(30), .wait_for_ready = true});
  std::unique_ptr<FakeServer> late;
  std::thread starter([&] {
    std::this_thread::sleep_for(milliseconds(300));
    late = std::make_unique<FakeServer>(port.number());
  });
  const absl::StatusOr<v1::PredictResponse> answer = Predict(patient.get());
  starter.join();
  EXPECT_TRUE(answer.ok()) << answer.status();
}

TEST_F(AttemptsTest, ReplicasThatDifferWhileAVersionRollsOutAllAnswer) {
  two_.Serve(2, /*fingerprint=*/8, {"conversion"});
  const auto client = Connect({one_.target(), two_.target()}, {.deadline = seconds(30)});
  for (int i = 0; i < 20; ++i) {
    const absl::StatusOr<v1::PredictResponse> answer = Predict(client.get());
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->heads(0).head(), answer->version() == 1 ? "click" : "conversion");
  }
}

}  // namespace
}  // namespace adscore::client

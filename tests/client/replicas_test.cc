// Several replicas behind one target: which of them get calls.
#include <array>
#include <chrono>
#include <memory>
#include <string>

#include "client/client.h"
#include "gtest/gtest.h"
#include "tests/client/fake_server.h"

namespace adscore::client {
namespace {

// Nothing is tried again: each failure would be seen.
const ClientOptions kOnce{.deadline = std::chrono::seconds(30), .retry = {.max_attempts = 1}};
constexpr int kInARow = 30;        // calls that show where calls go
constexpr int kPatience = 20'000;  // calls: some seconds

bool Call(Client* client) {
  const auto answer = client->Predict(
      "ads", 1, [](ImpressionBuilder& impression) { impression.SetCandidate("bid", 0, 0.5); });
  EXPECT_TRUE(answer.ok()) << answer.status();
  return answer.ok();
}

class ReplicasTest : public ::testing::Test {
 protected:
  using Health = FakeServer::Health;

  std::string List() const { return "ipv4:" + replicas_[0]->target() + "," + replicas_[1]->target(); }

  // Calls until both get some in turn; every one of them succeeds.
  bool BothGetCalls(Client* client) {
    const auto begin = Counts();
    for (int i = 0; i < kPatience && Call(client); ++i) {
      if (Counts()[0] >= begin[0] + kInARow && Counts()[1] >= begin[1] + kInARow) return true;
    }
    return false;
  }

  // Calls until the second one gets all of them for a while; every one of them succeeds.
  bool OnlyTheSecondGetsCalls(Client* client) {
    uint64_t first = Counts()[0];
    for (int i = 0, alone = 0; i < kPatience && Call(client); ++i) {
      alone = Counts()[0] == first ? alone + 1 : 0;
      first = Counts()[0];
      if (alone == kInARow) return true;
    }
    return false;
  }

  std::array<uint64_t, 2> Counts() const {
    return {replicas_[0]->predict_calls(), replicas_[1]->predict_calls()};
  }

  std::array<std::unique_ptr<FakeServer>, 2> replicas_ = {std::make_unique<FakeServer>(0, Health::kSaid),
                                                          std::make_unique<FakeServer>(0, Health::kSaid)};
};

TEST_F(ReplicasTest, AListedReplicaThatSaysThatItLeavesGetsNoCallsUntilItIsBack) {
  const auto client = *Client::Connect(List(), kOnce);
  ASSERT_TRUE(BothGetCalls(client.get()));
  replicas_[0]->SayServing(false);
  EXPECT_TRUE(OnlyTheSecondGetsCalls(client.get()));
  replicas_[0]->SayServing(true);
  EXPECT_TRUE(BothGetCalls(client.get()));
}

TEST_F(ReplicasTest, WhereAllSayThatTheyLeaveCallsFailAndOperatorsAreStillAnswered) {
  const auto client = *Client::Connect(List(), kOnce);
  for (const auto& replica : replicas_) replica->SayServing(false);
  EXPECT_TRUE(absl::IsUnavailable(client->FetchSchema("ads").status()));
  EXPECT_TRUE(client->ListModels("ads").ok());
}

TEST_F(ReplicasTest, ListedReplicasWithoutAHealthServiceGetCalls) {
  for (auto& replica : replicas_) replica = std::make_unique<FakeServer>();
  const auto client = *Client::Connect(List(), kOnce);
  EXPECT_TRUE(BothGetCalls(client.get()));
}

TEST_F(ReplicasTest, BehindASingleAddressHealthIsWatchedOnlyOnRequest) {
  replicas_[0]->SayServing(false);
  EXPECT_TRUE(Call(Client::Connect(replicas_[0]->target(), kOnce)->get()));
  ClientOptions options = kOnce;
  options.watch_health = true;
  const auto watching = *Client::Connect(replicas_[0]->target(), options);
  EXPECT_TRUE(absl::IsUnavailable(watching->FetchSchema("ads").status()));
}

}  // namespace
}  // namespace adscore::client

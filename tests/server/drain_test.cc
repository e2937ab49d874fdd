// Draining over real gRPC: what runs is finished, what is new is turned away, and nobody sees CANCELLED.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/loopback_http.h"
#include "tests/server/rpc_fixture.h"

namespace adscore::server {
namespace {

using grpc::StatusCode;
using ::testing::StartsWith;

using DrainTest = RpcTest;

TEST_F(DrainTest, DrainingFinishesWhatRunsAndTurnsAwayWhatIsNew) {
  Publish(1);
  // The running calls wait in the queue for a while: they are under way when the drain begins.
  InProcess process(root_.path(), 16384, 200'000);
  std::vector<std::future<grpc::Status>> running;
  for (int i = 0; i < 4; ++i) {
    running.push_back(std::async(std::launch::async, [&] {
      v1::PredictResponse response;
      return process.Predict(NamedRequest(), &response);
    }));
  }
  while (HttpGet(process.http_port(), "/metrics").find("\nadscore_queued_rows 12\n") == std::string::npos &&
         running[0].wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
  }
  process.server().Drain();
  for (auto& call : running) {
    const grpc::Status status = call.get();
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
  EXPECT_THAT(HttpGet(process.http_port(), "/readyz"), StartsWith("HTTP/1.1 503"));
  v1::PredictResponse response;
  EXPECT_EQ(process.Predict(NamedRequest(), &response).error_code(), StatusCode::UNAVAILABLE);
}

TEST_F(DrainTest, WithADelayItTurnsNobodyAwayForThatLong) {
  constexpr std::chrono::milliseconds kDelay{200};
  Publish(1);
  InProcess process(root_.path(), 16384, 0, kDelay.count());
  const auto watch_context = std::make_unique<grpc::ClientContext>();
  const auto watch = process.health().Watch(watch_context.get(), {});
  grpc::health::v1::HealthCheckResponse health;
  ASSERT_TRUE(watch->Read(&health));

  const auto began = std::chrono::steady_clock::now();
  auto drained = std::async(std::launch::async, [&] { process.server().Drain(); });
  ASSERT_TRUE(watch->Read(&health));
  EXPECT_EQ(health.status(), grpc::health::v1::HealthCheckResponse::NOT_SERVING);
  grpc::Status status;
  for (v1::PredictResponse response; status.ok();) status = process.Predict(NamedRequest(), &response);
  EXPECT_GE(std::chrono::steady_clock::now() - began, kDelay) << status.error_message();
  EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE) << status.error_message();
  EXPECT_FALSE(watch->Read(&health)) << "its stream ends when calls are turned away";
  EXPECT_EQ(watch->Finish().error_code(), StatusCode::UNAVAILABLE);
}

TEST_F(DrainTest, UnderLoadADrainEndsEveryCallAsOkOrUnavailable) {
  StartWithVersion(1);
  std::atomic<int> answered{0};
  std::vector<std::future<grpc::Status>> callers;
  for (int c = 0; c < 8; ++c) {
    callers.push_back(std::async(std::launch::async, [&] {
      grpc::Status status;
      for (v1::PredictResponse response; status.ok(); ++answered)
        status = process_->Predict(NamedRequest(), &response);
      return status;
    }));
  }
  while (answered < 100) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  process_->server().Drain();
  for (auto& caller : callers) {
    const grpc::Status status = caller.get();
    EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE) << status.error_message();
  }
}

TEST_F(DrainTest, ADrainTurnsAwayCallersWhoNeverStopAndNoneOfThemSeesCancelled) {
  StartWithVersion(1);
  std::atomic<bool> stop{false};
  std::atomic<int> answered{0};
  std::atomic<int> turned_away{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 8; ++c) {
    callers.emplace_back([&] {
      while (!stop) {
        v1::PredictResponse response;
        const grpc::Status status = process_->Predict(NamedRequest(), &response);
        if (status.ok()) {
          ++answered;
          continue;
        }
        ++turned_away;
        ASSERT_EQ(status.error_code(), StatusCode::UNAVAILABLE) << status.error_message();
      }
    });
  }
  while (answered < 100) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  process_->server().Drain();
  stop = true;
  for (std::thread& caller : callers) caller.join();
  EXPECT_GT(turned_away, 0);
}

}  // namespace
}  // namespace adscore::server

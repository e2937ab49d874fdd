// Requests over a PredictStream: which answer belongs to which, and what becomes of them when something
// breaks.
#include "client/stream_pipeline.h"

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "gtest/gtest.h"
#include "tests/client/fake_server.h"

namespace adscore::client {
namespace {

// Its answer is one probability: `id`.
v1::PredictRequest Request(uint64_t id) {
  v1::PredictRequest request;
  request.set_model("ads");
  request.set_candidate_count(1);
  request.mutable_packed()->set_schema_fingerprint(7);
  request.mutable_packed()->mutable_candidates()->add_numeric(static_cast<float>(id));
  return request;
}

class StreamPipelineTest : public ::testing::Test {
 protected:
  void Connect(std::chrono::milliseconds deadline) {
    client_ = *Client::Connect(server_.target(), {.deadline = deadline});
  }

  // Takes one answer: its id and status, and that the probability of a good one is the id's (see Request).
  std::pair<uint64_t, grpc::Status> Take(Pipeline* pipeline) {
    std::pair<uint64_t, grpc::Status> taken;
    EXPECT_TRUE(pipeline->Next([&](const Pipeline::Answer& answer) {
      taken = {answer.id, answer.status};
      if (answer.status.ok()) {
        EXPECT_EQ(answer.response.heads(0).probability(0), static_cast<float>(answer.id));
      }
    }));
    return taken;
  }

  FakeServer server_;
  std::unique_ptr<Client> client_ =
      *Client::Connect(server_.target(), {.deadline = std::chrono::seconds(30)});
};

TEST_F(StreamPipelineTest, AnswersOutOfOrderFindTheirRequests) {
  server_.AnswerStreamsBackwards(8);
  StreamPipeline pipeline(client_.get(), 8);
  std::set<uint64_t> taken;
  for (uint64_t round = 0; round < 20; ++round) {
    for (uint64_t i = 0; i < 8; ++i) pipeline.Start(100 + i, Request(100 + i));
    for (uint64_t i = 8; i-- > 0;) {
      const auto [id, status] = Take(&pipeline);
      ASSERT_TRUE(status.ok()) << status.error_message();
      ASSERT_EQ(id, 100 + i);  // backwards, as the server answers
    }
  }
  EXPECT_EQ(server_.streams(), 1u);
  EXPECT_EQ(server_.last_timeout_us(), 30'000'000u);  // the client's deadline
}

TEST_F(StreamPipelineTest, AThreadThatStartsAndOneThatTakesShareIt) {
  StreamPipeline pipeline(client_.get(), 16);  // the starter has to wait for free places
  std::thread starter([&] {
    for (uint64_t i = 0; i < 2000; ++i) pipeline.Start(i, Request(i));
    pipeline.Close();
  });
  uint64_t right = 0;
  while (pipeline.Next([&](const Pipeline::Answer& answer) {
    right += answer.status.ok() && answer.response.heads(0).probability(0) == static_cast<float>(answer.id);
  })) {
  }
  starter.join();
  EXPECT_EQ(right, 2000u);
}

TEST_F(StreamPipelineTest, OneRequestsErrorIsItsOwnAndTheStreamGoesOn) {
  server_.FailEvery(3, {grpc::StatusCode::RESOURCE_EXHAUSTED, "the queue is full"});
  StreamPipeline pipeline(client_.get(), 6);
  for (uint64_t i = 1; i <= 6; ++i) pipeline.Start(i, Request(i));
  for (uint64_t i = 1; i <= 6; ++i) {
    const auto [id, status] = Take(&pipeline);
    EXPECT_EQ(id, i);
    EXPECT_EQ(status.error_code(), i % 3 == 0 ? grpc::StatusCode::RESOURCE_EXHAUSTED : grpc::StatusCode::OK);
    EXPECT_EQ(status.error_message(), i % 3 == 0 ? "the queue is full" : "");
  }
  EXPECT_EQ(server_.streams(), 1u);
}

TEST_F(StreamPipelineTest, AStreamThatEndsFailsWhatItLeftUnansweredAndAnotherOneIsOpened) {
  server_.EndStreamsAfter(2);
  server_.AnswerStreamsBackwards(4);
  StreamPipeline pipeline(client_.get(), 4);
  for (int stream = 1; stream <= 3; ++stream) {
    std::map<uint64_t, grpc::StatusCode> codes;
    for (uint64_t i = 0; i < 4; ++i) pipeline.Start(i, Request(i));
    for (int i = 0; i < 4; ++i) {
      const auto [id, status] = Take(&pipeline);
      codes[id] = status.error_code();
      EXPECT_EQ(status.error_message(), status.ok() ? "" : "draining");
    }
    EXPECT_EQ(codes, (std::map<uint64_t, grpc::StatusCode>{{0, grpc::StatusCode::UNAVAILABLE},
                                                           {1, grpc::StatusCode::UNAVAILABLE},
                                                           {2, grpc::StatusCode::OK},
                                                           {3, grpc::StatusCode::OK}}));
    EXPECT_EQ(server_.streams(), static_cast<uint64_t>(stream));
  }
}

TEST_F(StreamPipelineTest, WhereNothingListensEveryRequestFails) {
  client_ = *Client::Connect(UnusedPort().target(), {.deadline = std::chrono::seconds(30)});
  StreamPipeline pipeline(client_.get(), 4);
  for (int round = 0; round < 3; ++round) {
    for (uint64_t i = 0; i < 4; ++i) pipeline.Start(i, Request(i));
    for (int i = 0; i < 4; ++i) {
      EXPECT_EQ(Take(&pipeline).second.error_code(), grpc::StatusCode::UNAVAILABLE);
    }
  }
}

TEST_F(StreamPipelineTest, TheDeadlineIsKeptEvenIfTheServerDoesNotKeepIt) {
  Connect(std::chrono::milliseconds(200));
  server_.set_delay(std::chrono::seconds(100));
  const auto start = std::chrono::steady_clock::now();
  {
    StreamPipeline pipeline(client_.get(), 4);
    for (uint64_t i = 0; i < 4; ++i) pipeline.Start(i, Request(i));
    for (uint64_t i = 0; i < 4; ++i) {
      const auto [id, status] = Take(&pipeline);
      EXPECT_EQ(id, i);
      EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
    }
    pipeline.Start(9, Request(9));  // the places are free again
  }                                 // does not wait for the server either
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(50));
}

TEST_F(StreamPipelineTest, AnAnswerThatComesTooLateIsNotTakenForAnother) {
  Connect(std::chrono::seconds(2));
  server_.AnswerStreamsBackwards(2);
  StreamPipeline pipeline(client_.get(), 1);
  pipeline.Start(1, Request(1));  // waits at the server for the second one
  EXPECT_EQ(Take(&pipeline).second.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  pipeline.Start(2, Request(2));  // in the same place; now both are answered, this one first
  EXPECT_EQ(Take(&pipeline).second.error_code(), grpc::StatusCode::OK);
  pipeline.Start(3, Request(3));  // what comes now is the answer to the first one
  const auto [id, status] = Take(&pipeline);
  EXPECT_EQ(id, 3u);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(StreamPipelineTest, ClosedWithoutARequestItEnds) {
  StreamPipeline pipeline(client_.get(), 4);
  pipeline.Close();
  EXPECT_FALSE(pipeline.Next([](const Pipeline::Answer&) {}));
  EXPECT_EQ(server_.streams(), 0u);
}

}  // namespace
}  // namespace adscore::client

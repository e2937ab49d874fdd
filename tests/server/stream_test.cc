// PredictStream over real gRPC on loopback: many requests over one stream, each answered or refused alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "tests/server/loopback_http.h"
#include "tests/server/rpc_fixture.h"

namespace adscore::server {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;

class StreamTest : public RpcTest {
 protected:
  using Stream = grpc::ClientReaderWriter<v1::PredictStreamRequest, v1::PredictStreamResponse>;

  // A context and the stream that it is for.
  struct Open {
    grpc::ClientContext context;
    std::unique_ptr<Stream> stream;
  };

  static std::unique_ptr<Open> OpenTo(InProcess* process,
                                      std::chrono::milliseconds timeout = std::chrono::seconds(30)) {
    return OpenTo(&process->prediction(), timeout);
  }

  static std::unique_ptr<Open> OpenTo(v1::PredictionService::Stub* stub, std::chrono::milliseconds timeout) {
    auto open = std::make_unique<Open>();
    open->context.set_deadline(std::chrono::system_clock::now() + timeout);
    open->stream = stub->PredictStream(&open->context);
    return open;
  }

  static v1::PredictStreamRequest Request(uint64_t id, double hour = 13) {
    v1::PredictStreamRequest request;
    request.set_request_id(id);
    *request.mutable_request() = NamedRequest();
    (*request.mutable_request()->mutable_named()->mutable_context()->mutable_fields())["hour"]
        .set_number_value(hour);
    return request;
  }

  // 48 candidates: as many unanswered ones as a stream may have find room in the queue.
  static v1::PredictStreamRequest LargeRequest() {
    v1::PredictStreamRequest request = Request(0);
    auto* candidates = request.mutable_request()->mutable_named()->mutable_candidates()->mutable_fields();
    for (auto& [name, column] : *candidates) {
      auto* values = column.mutable_list_value()->mutable_values();
      for (int doubled = 0; doubled < 4; ++doubled) {
        const auto present = *values;
        values->MergeFrom(present);
      }
    }
    return request;
  }

  // Waits until the metrics say `line`.
  static void AwaitLine(InProcess* process, const std::string& line) {
    ASSERT_TRUE(AwaitMetric(process->http_port(), "\n" + line + "\n"))
        << "never said " << line << ":\n"
        << HttpGet(process->http_port(), "/metrics");
  }
};

TEST_F(StreamTest, EveryRequestIsAnsweredOnceWithItsOwnIdAndItsOwnProbabilities) {
  StartWithVersion(7);
  const auto open = OpenTo(process_.get());
  constexpr uint64_t kRequests = 2000;
  std::thread writer([&] {
    for (uint64_t id = 0; id < kRequests; ++id) {
      ASSERT_TRUE(open->stream->Write(Request(id, static_cast<double>(id % 24))));
    }
    open->stream->WritesDone();
  });
  std::vector<std::vector<float>> expected;
  for (int hour = 0; hour < 24; ++hour) expected.push_back(Reference(Request(0, hour).request()));
  std::map<uint64_t, int> answers;
  v1::PredictStreamResponse answer;
  while (open->stream->Read(&answer)) {
    ++answers[answer.request_id()];
    ASSERT_TRUE(answer.has_response()) << answer.error().message();
    EXPECT_EQ(answer.response().version(), 7);
    for (int r = 0; r < 3; ++r) {
      ASSERT_NEAR(answer.response().heads(0).probability(r), expected[answer.request_id() % 24][r * 2], 1e-6)
          << "request " << answer.request_id();
    }
  }
  writer.join();
  EXPECT_TRUE(open->stream->Finish().ok());
  EXPECT_EQ(answers.size(), kRequests);
  for (const auto& [id, times] : answers) EXPECT_EQ(times, 1) << "request " << id;
  AwaitLine(process_.get(),
            "adscore_requests_total{model=\"ads\",version=\"7\",method=\"PredictStream\",code=\"OK\"} 2000");
}

TEST_F(StreamTest, ABadRequestFailsAloneAndTheStreamGoesOn) {
  StartWithVersion(1);
  const auto open = OpenTo(process_.get());
  v1::PredictStreamRequest bad = Request(1);
  bad.mutable_request()->set_model("adz");
  v1::PredictStreamRequest empty;
  empty.set_request_id(2);
  for (const auto& request : {bad, empty, Request(3)}) ASSERT_TRUE(open->stream->Write(request));
  std::map<uint64_t, v1::PredictStreamResponse> answers;
  for (int i = 0; i < 3; ++i) {
    v1::PredictStreamResponse answer;
    ASSERT_TRUE(open->stream->Read(&answer));
    answers[answer.request_id()] = answer;
  }
  EXPECT_EQ(answers[1].error().code(), StatusCode::NOT_FOUND);
  EXPECT_THAT(answers[1].error().message(), HasSubstr("'adz'"));
  EXPECT_EQ(answers[2].error().code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_TRUE(answers[3].has_response());
  open->stream->WritesDone();
  v1::PredictStreamResponse none;
  EXPECT_FALSE(open->stream->Read(&none));
  EXPECT_TRUE(open->stream->Finish().ok());
}

TEST_F(StreamTest, AFullQueueIsAnErrorOfTheRequestWithAHintWhenToRetry) {
  Publish(1);
  InProcess process(root_.path(), 3, 300'000);  // nothing runs for 0.3 s, and one impression fills the queue
  const auto open = OpenTo(&process);
  ASSERT_TRUE(open->stream->Write(Request(1)));
  ASSERT_TRUE(open->stream->Write(Request(2)));
  v1::PredictStreamResponse answer;
  ASSERT_TRUE(open->stream->Read(&answer));
  EXPECT_EQ(answer.request_id(), 2u) << "in order of completion";
  EXPECT_EQ(answer.error().code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_GE(answer.error().retry_after_ms(), 1u);
  ASSERT_TRUE(open->stream->Read(&answer));
  EXPECT_EQ(answer.request_id(), 1u);
  EXPECT_TRUE(answer.has_response());
}

TEST_F(StreamTest, ARequestHasADeadlineOfItsOwn) {
  Publish(1);
  InProcess process(root_.path(), 16384, 200'000);
  const auto open = OpenTo(&process);
  v1::PredictStreamRequest hasty = Request(1);
  hasty.set_timeout_us(20'000);
  ASSERT_TRUE(open->stream->Write(hasty));
  ASSERT_TRUE(open->stream->Write(Request(2)));
  std::map<uint64_t, v1::PredictStreamResponse> answers;
  for (int i = 0; i < 2; ++i) {
    v1::PredictStreamResponse answer;
    ASSERT_TRUE(open->stream->Read(&answer));
    answers[answer.request_id()] = answer;
  }
  EXPECT_EQ(answers[1].error().code(), StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(answers[2].has_response());
}

TEST_F(StreamTest, WhoCancelsLeavesNothingQueuedAndMakesRoomForOthers) {
  Publish(1);
  InProcess process(root_.path(), 16384, 100'000);
  for (int i = 0; i < 20; ++i) {
    const auto open = OpenTo(&process);
    for (uint64_t id = 0; id < 10; ++id) ASSERT_TRUE(open->stream->Write(Request(id)));
    open->context.TryCancel();
    EXPECT_EQ(open->stream->Finish().error_code(), StatusCode::CANCELLED);
  }
  AwaitLine(&process, "adscore_queued_rows 0");
  const auto open = OpenTo(&process);
  ASSERT_TRUE(open->stream->Write(Request(1)));
  v1::PredictStreamResponse answer;
  ASSERT_TRUE(open->stream->Read(&answer));
  EXPECT_TRUE(answer.has_response());
}

TEST_F(StreamTest, WhoDoesNotReadIsNotReadFromAndDoesNotHoldUpOthers) {
  StartWithVersion(1);
  // With a window that does not grow, some hundred large messages fill all that is on the way.
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  const auto stub = v1::PredictionService::NewStub(grpc::CreateCustomChannel(
      ToString(process_->server().grpc_address()), grpc::InsecureChannelCredentials(), arguments));
  const auto silent = OpenTo(stub.get(), std::chrono::minutes(2));
  std::atomic<uint64_t> written{0};
  std::thread writer([&] {
    v1::PredictStreamRequest request = LargeRequest();
    while (silent->stream->Write(request)) request.set_request_id(++written);
  });
  // It stalls once the server has stopped reading: others are answered, again and again, and it gets nowhere.
  uint64_t seen = 0;
  do {
    seen = written;
    for (int i = 0; i < 200; ++i) EXPECT_TRUE(Predict(NamedRequest()).ok());
  } while (written != seen || seen == 0);
  silent->context.TryCancel();
  writer.join();
  EXPECT_EQ(silent->stream->Finish().error_code(), StatusCode::CANCELLED);
}

TEST_F(StreamTest, ADrainAnswersWhatWasReadAndEndsTheStreamAsUnavailable) {
  Publish(1);
  InProcess process(root_.path(), 16384, 200'000);
  const auto idle = OpenTo(&process);
  const auto busy = OpenTo(&process);
  for (uint64_t id = 0; id < 4; ++id) ASSERT_TRUE(busy->stream->Write(Request(id)));
  AwaitLine(&process, "adscore_queued_rows 12");
  auto drained = std::async(std::launch::async, [&] { process.server().Drain(); });
  v1::PredictStreamResponse answer;
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(busy->stream->Read(&answer));
    EXPECT_TRUE(answer.has_response()) << answer.error().message();
  }
  EXPECT_FALSE(busy->stream->Read(&answer));
  EXPECT_EQ(busy->stream->Finish().error_code(), StatusCode::UNAVAILABLE);
  EXPECT_EQ(idle->stream->Finish().error_code(), StatusCode::UNAVAILABLE);
  drained.get();
}

}  // namespace
}  // namespace adscore::server

// Callers that misbehave: connections that say nothing, or nonsense, or leave; calls that are cancelled at
// any moment. Meanwhile a witness keeps calling and must notice nothing, and nothing may be left behind.
//
// ADSCORE_LONG_TESTS=1 in the environment: ten times as much of it.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/loopback_http.h"
#include "tests/server/rpc_fixture.h"

namespace adscore::server {
namespace {

using namespace std::string_literals;

constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
// Length 0, type SETTINGS, no flags, stream 0.
const std::string kSettings = "\0\0\0\4\0\0\0\0\0"s;

int Times(int quick) { return std::getenv("ADSCORE_LONG_TESTS") == nullptr ? quick : 10 * quick; }

// A TCP connection that ends when this goes.
class Connection {
 public:
  explicit Connection(int port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~Connection() { close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool connected() const { return connected_; }
  // The server may have hung up already.
  void Send(const std::string& bytes) { (void)send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  // Says that nothing more will come.
  void HalfClose() { shutdown(socket_, SHUT_WR); }
  // Ends with a reset instead of a farewell.
  void ResetAtEnd() {
    const linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  }

 private:
  const int socket_;
  bool connected_ = false;
};

class AbuseTest : public RpcTest {
 protected:
  // A call waits `max_delay_us` in the queue.
  explicit AbuseTest(int64_t max_delay_us = 0) {
    Publish(1);
    process_ = std::make_unique<InProcess>(root_.path(), 16384, max_delay_us);
    expected_ = Reference(NamedRequest());
    EXPECT_TRUE(Predict(NamedRequest()).ok());
    descriptors_ = Descriptors();
    witness_ = std::thread([this] {
      while (!stop_) {
        v1::PredictResponse response;
        const grpc::Status status = process_->Predict(NamedRequest(), &response);
        ASSERT_TRUE(status.ok()) << status.error_message();
        for (int r = 0; r < 3; ++r) ASSERT_NEAR(response.heads(0).probability(r), expected_[r * 2], 1e-6);
        ++witnessed_;
      }
    });
  }

  ~AbuseTest() override {
    stop_ = true;
    witness_.join();
    EXPECT_GT(witnessed_, 0);
    EXPECT_TRUE(Predict(NamedRequest()).ok());
    EXPECT_THAT(HttpGet(process_->http_port(), "/metrics"),
                ::testing::HasSubstr("\nadscore_queued_rows 0\n"));
    // Closing takes the server a moment.
    for (int i = 0; i < 2000 && Descriptors() > descriptors_ + kSpareDescriptors; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_LE(Descriptors(), descriptors_ + kSpareDescriptors);
  }

  int port() { return process_->server().grpc_address().port; }

  static size_t Descriptors() {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
    return count;
  }

  // Makes 50 calls at once, 20 times, and cancels all but the first, some at once.
  void CancelCalls();

  std::mt19937 random_{1};
  int answered_ = 0;
  int cancelled_ = 0;

 private:
  static constexpr size_t kSpareDescriptors = 8;  // of gRPC's pools and the HTTP port

  std::vector<float> expected_;
  size_t descriptors_ = 0;
  std::atomic<bool> stop_{false};
  std::atomic<int> witnessed_{0};
  std::thread witness_;
};

void AbuseTest::CancelCalls() {
  constexpr int kAtOnce = 50;
  for (int round = 0; round < Times(20); ++round) {
    struct Call {
      grpc::ClientContext context;
      v1::PredictResponse response;
      grpc::Status status;
      std::unique_ptr<grpc::ClientAsyncResponseReader<v1::PredictResponse>> reader;
    };
    std::vector<Call> calls(kAtOnce);
    grpc::CompletionQueue queue;
    for (Call& call : calls) {
      call.reader = process_->prediction().AsyncPredict(&call.context, NamedRequest(), &queue);
      call.reader->Finish(&call.response, &call.status, &call);
      if (&call != &calls.front() && random_() % 4 == 0) call.context.TryCancel();
    }
    for (Call& call : calls) {
      if (random_() % 2 == 0) {
        std::this_thread::sleep_for(std::chrono::microseconds(random_() % 100));
      }
      if (&call != &calls.front()) call.context.TryCancel();
    }
    for (int i = 0; i < kAtOnce; ++i) {
      void* tag = nullptr;
      bool ok = false;
      ASSERT_TRUE(queue.Next(&tag, &ok));
      const grpc::Status& status = static_cast<Call*>(tag)->status;
      EXPECT_TRUE(status.ok() || status.error_code() == grpc::StatusCode::CANCELLED)
          << status.error_message();
      ++(status.ok() ? answered_ : cancelled_);
    }
    queue.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue.Next(&tag, &ok)) {
    }
  }
}

TEST_F(AbuseTest, ConnectionsThatComeAndGoOrTalkNonsense) {
  std::string garbage(4096, '\0');
  for (char& byte : garbage) byte = static_cast<char>(random_());
  // A frame of 16 MiB to come, and one of a type that there is not.
  const std::string huge_frame = "\xff\xff\xff\0\0\0\0\0\1"s;
  const std::string unknown_frame = "\0\0\4\xee\xff\x7f\xff\xff\xff....."s;
  const std::string client_hello = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s + garbage.substr(0, 512);
  const std::vector<std::string> openings = {
      "",
      std::string(kPreface).substr(0, 10),
      kPreface,
      kPreface + kSettings,
      kPreface + kSettings + huge_frame,
      kPreface + kSettings + huge_frame + garbage,
      kPreface + kSettings + unknown_frame + garbage,
      kPreface + garbage,
      garbage,
      client_hello,
      "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
  };
  for (int i = 0; i < Times(200); ++i) {
    Connection connection(port());
    ASSERT_TRUE(connection.connected());
    connection.Send(openings[random_() % openings.size()]);
    if (random_() % 4 == 0) connection.HalfClose();
    if (random_() % 4 == 0) connection.ResetAtEnd();
    if (random_() % 4 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(random_() % 5));
  }
}

TEST_F(AbuseTest, ConnectionsThatStayAndSayNothing) {
  std::vector<std::unique_ptr<Connection>> connections;
  for (int i = 0; i < Times(20); ++i) {
    connections.push_back(std::make_unique<Connection>(port()));
    ASSERT_TRUE(connections.back()->connected());
    if (i % 2 == 0) connections.back()->Send(kPreface + kSettings);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
}

TEST_F(AbuseTest, ClientsThatConnectCallOnceAndLeave) {
  for (int i = 0; i < Times(50); ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto stub = v1::PredictionService::NewStub(grpc::CreateCustomChannel(
        ToString(process_->server().grpc_address()), grpc::InsecureChannelCredentials(), arguments));
    grpc::ClientContext context;
    v1::PredictResponse response;
    EXPECT_TRUE(stub->Predict(&context, NamedRequest(), &response).ok());
  }
}

TEST_F(AbuseTest, CallsThatAreCancelledAtAnyMoment) {
  CancelCalls();
  EXPECT_GE(answered_, Times(20));
  EXPECT_GT(cancelled_, 0);
}

class AbuseOfTheQueueTest : public AbuseTest {
 protected:
  AbuseOfTheQueueTest() : AbuseTest(2000) {}
};

TEST_F(AbuseOfTheQueueTest, CallsThatAreCancelledWhileTheyWait) {
  CancelCalls();
  EXPECT_GE(answered_, Times(20));
  EXPECT_GT(cancelled_, 0);
  EXPECT_THAT(HttpGet(process_->http_port(), "/metrics"),
              ::testing::ContainsRegex("\nadscore_rejected_total\\{reason=\"cancelled\"\\} [1-9]"));
}

}  // namespace
}  // namespace adscore::server

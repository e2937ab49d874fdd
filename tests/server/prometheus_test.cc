// What Prometheus itself makes of /metrics: its linter, and a server of Debian's that scrapes a real
// adscore-server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "adscore/v1/prediction_service.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "tests/model/tiny_snapshot.h"
#include "tests/program.h"
#include "tests/server/loopback_http.h"
#include "tests/server/temp_directory.h"

namespace adscore::server {
namespace {

using adscore::testing::Program;
using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr const char* kPrometheus = "/usr/bin/prometheus";
constexpr const char* kPromtool = "/usr/bin/promtool";

// The number after `prefix`, 0 if it is not there.
int PortAfter(const std::string& text, const std::string& prefix) {
  const size_t at = text.find(prefix);
  return at == std::string::npos ? 0 : std::atoi(text.c_str() + at + prefix.size());
}

std::string Body(const std::string& answer) {
  const size_t end = answer.find("\r\n\r\n");
  return end == std::string::npos ? "" : answer.substr(end + 4);
}

class PrometheusTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kPrometheus) || !std::filesystem::exists(kPromtool)) {
      GTEST_SKIP() << kPrometheus << " is not there: install Debian's prometheus to have it scrape a server";
    }
    model::testing::TinySnapshot().Publish(temp_.path() + "/root", "ads", 7);
    server_ = std::make_unique<Program>(
        std::vector<std::string>{ADSCORE_SERVER, "--model-root", temp_.path() + "/root", "--listen",
                                 "127.0.0.1:0", "--http-listen", "127.0.0.1:0"},
        temp_.path() + "/server.log");
    const std::string line = server_->ReadLine();
    grpc_port_ = PortAfter(line, "grpc://127.0.0.1:");
    http_port_ = PortAfter(line, "http://127.0.0.1:");
    ASSERT_NE(http_port_, 0) << server_->errors();
    Predict();
  }

  void Predict() const {
    const auto stub = v1::PredictionService::NewStub(
        grpc::CreateChannel("127.0.0.1:" + std::to_string(grpc_port_), grpc::InsecureChannelCredentials()));
    v1::PredictRequest request;
    request.set_model("ads");
    request.set_candidate_count(1);
    (*request.mutable_named()->mutable_context()->mutable_fields())["hour"].set_number_value(13);
    for (int i = 0; i < 5; ++i) {
      grpc::ClientContext context;
      v1::PredictResponse response;
      const grpc::Status status = stub->Predict(&context, request, &response);
      ASSERT_TRUE(status.ok()) << status.error_message();
    }
  }

  const TempDirectory temp_;
  std::unique_ptr<Program> server_;
  int grpc_port_ = 0;
  int http_port_ = 0;
};

TEST_F(PrometheusTest, TheLinterHasNothingToSay) {
  const std::string path = temp_.path() + "/metrics";
  std::ofstream(path) << Body(HttpGet(http_port_, "/metrics"));
  ASSERT_GT(std::filesystem::file_size(path), 10'000u);
  Program lint({"/bin/sh", "-c", std::string(kPromtool) + " check metrics < " + path + " 2>&1"},
               temp_.path() + "/lint.log");
  EXPECT_EQ(lint.Wait(), 0);
  EXPECT_EQ(lint.output(), "");
}

// A Prometheus of our own, on a port that it picks, with its data in a directory that goes with the test.
class Scraper {
 public:
  Scraper(const std::string& directory, int scraped_port)
      : program_({kPrometheus, "--config.file=" + Configure(directory, scraped_port),
                  "--storage.tsdb.path=" + directory + "/data", "--web.listen-address=127.0.0.1:0"},
                 directory + "/prometheus.log") {}
  ~Scraper() {
    program_.Signal(SIGTERM);
    program_.Wait();
  }

  // The result of a query, once it has one with `series` series; waits up to 60 s.
  Json Query(const std::string& encoded, size_t series) {
    Json result;
    for (int i = 0; i < 600; ++i) {
      const int port = PortAfter(program_.errors(), "msg=\"Listening on\" address=127.0.0.1:");
      if (port != 0) {
        const Json answer =
            Json::parse(Body(HttpGet(port, "/api/v1/query?query=" + encoded)), nullptr, false);
        if (answer.is_object() && answer.contains("data")) result = answer["data"]["result"];
        if (result.size() >= series) return result;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    ADD_FAILURE() << "no answer to " << encoded << " with " << series << " series: " << result.dump()
                  << program_.errors();
    return result;
  }

 private:
  static std::string Configure(const std::string& directory, int port) {
    std::ofstream(directory + "/prometheus.yml")
        << "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\n"
           "scrape_configs: [{job_name: adscore, static_configs: [{targets: ['127.0.0.1:"
        << port << "']}]}]\n";
    return directory + "/prometheus.yml";
  }

  Program program_;
};

TEST_F(PrometheusTest, ARealOneScrapesTheServerAndHasItsSeries) {
  Scraper prometheus(temp_.path(), http_port_);
  EXPECT_EQ(prometheus.Query("up==1", 1).size(), 1u);
  const Json requests = prometheus.Query("adscore_requests_total%7Bmethod=%22Predict%22%7D", 1);
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0]["metric"]["model"], "ads");
  EXPECT_EQ(requests[0]["metric"]["version"], "7");
  EXPECT_EQ(requests[0]["metric"]["code"], "OK");
  EXPECT_EQ(requests[0]["value"][1], "5");
  EXPECT_EQ(prometheus.Query("adscore_stage_duration_seconds_count", 5).size(), 5u);
  EXPECT_EQ(prometheus.Query("histogram_quantile(0.5,adscore_prediction_bucket)", 2).size(), 2u);  // heads
  EXPECT_EQ(prometheus.Query("adscore_model_newest_version==7", 1).size(), 1u);
  EXPECT_EQ(prometheus.Query("adscore_feature_values_total", 6).size(), 6u);
  EXPECT_EQ(prometheus.Query("process_resident_memory_bytes>1e6", 1).size(), 1u);
}

}  // namespace
}  // namespace adscore::server

// The Open Inference Protocol over REST: JSON in, JSON out, by the same rules as over gRPC.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "nlohmann/json.hpp"
#include "server/rest/infer_json.h"
#include "tests/server/loopback_http.h"
#include "tests/server/rpc_fixture.h"

namespace adscore::server {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// The impression of NamedRequest.
constexpr const char* kBody = R"({"id": "42", "inputs": [
    {"name": "hour", "datatype": "INT32", "shape": [1], "data": [13]},
    {"name": "site", "datatype": "BYTES", "shape": [1], "data": ["site1"]},
    {"name": "interests", "datatype": "BYTES", "shape": [1, 2], "data": [["tag1", "tag4"]]},
    {"name": "bid", "datatype": "FP32", "shape": [3, 1], "data": [[0.5], [1.5], [null]]},
    {"name": "ad", "datatype": "BYTES", "shape": [3], "data": ["ad1", "ad2", "ad3"]},
    {"name": "tags", "datatype": "BYTES", "shape": [3], "data": ["tag2|tag3", "", null]}]})";

nlohmann::json BodyOf(const std::string& answer) {
  const size_t end = answer.find("\r\n\r\n");
  return nlohmann::json::parse(end == std::string::npos ? "" : answer.substr(end + 4), nullptr, false);
}

class RestTest : public RpcTest {
 protected:
  std::string Get(const std::string& path) { return HttpGet(process_->http_port(), path); }
  std::string Infer(const std::string& body, const std::string& path = "/v2/models/ads/infer") {
    return HttpPost(process_->http_port(), path, body);
  }
};

TEST_F(RestTest, InferAnswersWhatPredictAnswersBitForBit) {
  StartWithVersion(7);
  ASSERT_TRUE(Predict(NamedRequest()).ok());
  const std::string answer = Infer(kBody);
  ASSERT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/json\r\n"));
  const nlohmann::json body = BodyOf(answer);
  EXPECT_EQ(body["model_name"], "ads");
  EXPECT_EQ(body["model_version"], "7");
  EXPECT_EQ(body["id"], "42");
  ASSERT_EQ(body["outputs"].size(), 2u);
  for (int h = 0; h < 2; ++h) {
    EXPECT_EQ(body["outputs"][h]["name"], response_.heads(h).head());
    EXPECT_EQ(body["outputs"][h]["shape"], nlohmann::json({3, 1}));
    for (int r = 0; r < 3; ++r) {
      EXPECT_EQ(body["outputs"][h]["data"][r].get<float>(), response_.heads(h).probability(r));
    }
  }
  EXPECT_TRUE(AwaitMetric(process_->http_port(), "method=\"ModelInfer\",code=\"OK\"} 1\n")) << "the one path";
}

TEST_F(RestTest, ServerAndModelsAreDescribed) {
  StartWithVersion(7);
  EXPECT_THAT(Get("/v2/health/live"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Get("/v2/health/ready"), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(BodyOf(Get("/v2"))["name"], "adscore");
  EXPECT_THAT(Get("/v2/models/ads/ready"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Get("/v2/models/ads/versions/7/ready"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Get("/v2/models/ads/versions/6/ready"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(Get("/v2/models/adz/ready"), StartsWith("HTTP/1.1 404"));
  const nlohmann::json model = BodyOf(Get("/v2/models/ads"));
  EXPECT_EQ(model["inputs"].size(), 6u);
  EXPECT_EQ(model["inputs"][4], (nlohmann::json{{"name", "ad"}, {"datatype", "BYTES"}, {"shape", {-1, 1}}}));
  EXPECT_EQ(model["outputs"][0]["name"], "click");
  EXPECT_EQ(model["versions"], nlohmann::json({"7"}));
}

TEST_F(RestTest, WithoutAModelItIsLiveAndNotReady) {
  Start();
  EXPECT_THAT(Get("/v2/health/live"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Get("/v2/health/ready"), StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(Infer(kBody), StartsWith("HTTP/1.1 503"));
}

TEST_F(RestTest, ErrorsAreJsonWithTheStatusThatSuits) {
  StartWithVersion(7);
  const auto error = [](const std::string& answer) { return BodyOf(answer)["error"].get<std::string>(); };
  EXPECT_THAT(Infer("{"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(error(Infer("{")), HasSubstr("body: expected one JSON object"));
  EXPECT_THAT(error(Infer(R"({"inputs": [{"name": "ad"}]})")),
              HasSubstr("inputs[0].datatype: expected a string"));
  EXPECT_THAT(Infer(kBody, "/v2/models/adz/infer"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(Infer(kBody, "/v2/models/ads/versions/6/infer"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(Infer(kBody, "/v2/models/ads/versions/x/infer"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Infer(kBody, "/v2/models/ads/explain"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(Get("/v2/models/ads/infer"), StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(Get("/v2/nothing"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(
      HttpSend(process_->http_port(),
               "POST /v2/models/ads/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"),
      StartsWith("HTTP/1.1 413"));
}

TEST_F(RestTest, AFullQueueIs429AndSaysWhenToRetry) {
  Publish(1);
  process_ =
      std::make_unique<InProcess>(root_.path(), 3, 1'000'000);  // one impression fills the queue for a second
  std::string first;
  std::thread caller([&] { first = Infer(kBody); });
  while (Get("/metrics").find("\nadscore_queued_rows 3\n") == std::string::npos) std::this_thread::yield();
  const std::string second = Infer(kBody);
  EXPECT_THAT(second, StartsWith("HTTP/1.1 429"));
  EXPECT_THAT(second, HasSubstr("\r\nRetry-After: 1\r\n"));
  caller.join();
  EXPECT_THAT(first, StartsWith("HTTP/1.1 200"));
}

TEST_F(RestTest, ATimeoutIs504) {
  Publish(1);
  process_ = std::make_unique<InProcess>(root_.path(), 16384, 300'000);
  std::string body = kBody;
  body.insert(1, R"("parameters": {"timeout": 1000}, )");
  EXPECT_THAT(Infer(body), StartsWith("HTTP/1.1 504"));
}

TEST_F(RestTest, MetricsAnswerWhileManyCallersWait) {
  Publish(1);
  process_ = std::make_unique<InProcess>(root_.path(), 16384, 1'000'000);  // all of them wait for a second
  std::vector<std::string> answers(10);
  std::vector<std::thread> callers;
  for (std::string& answer : answers) callers.emplace_back([&] { answer = Infer(kBody); });
  while (Get("/metrics").find("\nadscore_queued_rows 18\n") == std::string::npos) std::this_thread::yield();
  for (std::thread& caller : callers) caller.join();
  int served = 0;
  for (const std::string& answer : answers) {
    served += answer.starts_with("HTTP/1.1 200") ? 1 : 0;
    if (answer.starts_with("HTTP/1.1 200")) continue;
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 503"));
  }
  EXPECT_EQ(served, kMostHttpRequests);
}

TEST(InferJsonTest, ValuesMustBeOfTheirDatatype) {
  const auto why = [](const std::string& datatype, const std::string& data) {
    inference::ModelInferRequest request;
    return std::string(InferRequestFromJson(R"({"inputs": [{"name": "x", "shape": [1], "datatype": ")" +
                                                datatype + R"(", "data": )" + data + "}]}",
                                            &request)
                           .message());
  };
  EXPECT_EQ(why("FP32", "[1]"), "");
  EXPECT_EQ(why("UINT64", "[18446744073709551615]"), "");
  EXPECT_EQ(why("INT64", "[-9223372036854775808]"), "");
  EXPECT_EQ(why("FP32", "[\"1\"]"), "inputs[0].data: expected values of datatype FP32, got \"1\"");
  EXPECT_EQ(why("INT32", "[2147483648]"),
            "inputs[0].data: expected values of datatype INT32, got 2147483648");
  EXPECT_EQ(why("INT64", "[9223372036854775808]"),
            "inputs[0].data: expected values of datatype INT64, got 9223372036854775808");
  EXPECT_EQ(why("UINT8", "[-1]"), "inputs[0].data: expected values of datatype UINT8, got -1");
  EXPECT_EQ(why("BYTES", "[1]"), "inputs[0].data: expected values of datatype BYTES, got 1");
  EXPECT_EQ(why("FP32", "[[[[[[[[[1]]]]]]]]]"), "inputs[0].data: expected at most 8 nested lists");
  EXPECT_THAT(why("FP32", "7"), HasSubstr("inputs[0].data: expected a list of values"));
  EXPECT_THAT(why("FP32", std::string(100'000, '[')), HasSubstr("body: expected one JSON object"));
}

}  // namespace
}  // namespace adscore::server

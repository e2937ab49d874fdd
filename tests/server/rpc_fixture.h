// A server with one small model "ads" over real gRPC on loopback, for tests of what callers see.
//
// Not thread-safe, but for the server itself.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/rpc/codec.h"
#include "tests/model/tiny_snapshot.h"
#include "tests/server/in_process.h"
#include "tests/server/served_models.h"

namespace adscore::server {

// Three candidates of TinySnapshot's schema, by name.
inline v1::PredictRequest NamedRequest() {
  return ParseRequest(R"({"model": "ads", "named": {
      "context": {"hour": 13, "site": "site1", "interests": ["tag1", "tag4"]},
      "candidates": {"bid": [0.5, 1.5, null], "ad": ["ad1", "ad2", "ad3"], "tags": ["tag2|tag3", "", null]}}})");
}

class RpcTest : public ::testing::Test {
 protected:
  void Publish(int64_t version) { snapshot_.Publish(root_.path(), "ads", version); }
  void StartWithVersion(int64_t version) {
    Publish(version);
    Start();
  }
  void Start() { process_ = std::make_unique<InProcess>(root_.path()); }

  grpc::Status Predict(const v1::PredictRequest& request) {
    response_.Clear();
    return process_->Predict(request, &response_);
  }

  // What the naive forward pass makes of a request.
  std::vector<float> Reference(const v1::PredictRequest& request) {
    RequestDecoder decoder;
    model::Impression impression;
    const auto& schema = snapshot_.snapshot().schema;
    EXPECT_EQ(decoder.Decode(request, schema, model::Fingerprint(schema), &impression), std::nullopt);
    return ReferenceOf(snapshot_.snapshot(), impression);
  }

  const TempDirectory root_;
  const model::testing::TinySnapshot snapshot_;
  std::unique_ptr<InProcess> process_;
  v1::PredictResponse response_;
};

}  // namespace adscore::server

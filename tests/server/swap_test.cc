// Newer versions swapped in under load.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "model/schema.h"
#include "tests/model/tiny_snapshot.h"
#include "tests/server/in_process.h"
#include "tests/server/served_models.h"

namespace adscore::server {
namespace {

using model::FeatureRole;
using model::testing::RandomColumns;
using model::testing::TinyOptions;
using model::testing::TinySnapshot;

constexpr int64_t kSwaps = 20;
constexpr size_t kCandidates = 5;

TEST(SwapTest, UnderTwentySwapsNoCallFailsAndEveryAnswerIsThatOfTheVersionItNames) {
  std::vector<std::unique_ptr<TinySnapshot>> versions;
  for (int64_t v = 0; v <= kSwaps; ++v) {
    versions.push_back(std::make_unique<TinySnapshot>(TinyOptions{.seed = static_cast<uint64_t>(v) + 1}));
  }
  const model::Schema& schema = versions[0]->snapshot().schema;
  const RandomColumns context(schema, FeatureRole::kContext, 1, 3);
  const RandomColumns candidates(schema, FeatureRole::kCandidate, kCandidates, 4);
  const model::Impression impression = {.context = context.columns, .candidates = candidates.columns};
  v1::PredictRequest request;
  request.set_candidate_count(kCandidates);
  request.mutable_packed()->set_schema_fingerprint(model::Fingerprint(schema));
  Pack(context.columns, request.mutable_packed()->mutable_context());
  Pack(candidates.columns, request.mutable_packed()->mutable_candidates());
  std::vector<std::vector<float>> expected;
  for (const auto& version : versions) expected.push_back(ReferenceOf(version->snapshot(), impression));

  const TempDirectory root;
  versions[0]->Publish(root.path(), "ads", 1);
  InProcess process(root.path());
  std::atomic<bool> stop{false};
  std::atomic<int> failed{0};
  std::atomic<int> wrong{0};
  std::atomic<uint64_t> served[kSwaps + 1] = {};
  std::vector<std::thread> callers;
  for (int c = 0; c < 3; ++c) {
    callers.emplace_back([&] {
      while (!stop) {
        v1::PredictResponse response;
        const grpc::Status status = process.Predict(request, &response);
        if (!status.ok() || response.version() < 1 || response.version() > kSwaps + 1) {
          ++failed;
          ADD_FAILURE() << status.error_code() << ": " << status.error_message();
          return;
        }
        const size_t v = static_cast<size_t>(response.version() - 1);
        ++served[v];
        for (size_t r = 0; r < kCandidates; ++r) {
          for (int h = 0; h < 2; ++h) {
            const float difference =
                response.heads(h).probability(static_cast<int>(r)) - expected[v][r * 2 + h];
            if (!(std::abs(difference) < 1e-5F)) ++wrong;
          }
        }
      }
    });
  }
  for (int64_t v = 2; v <= kSwaps + 1; ++v) {
    versions[v - 1]->Publish(root.path(), "ads", v);
    ASSERT_EQ(process.AwaitVersion("ads", v), v);
    // Until it has answered at least once: then every version did serve under load.
    for (int i = 0; i < 4000 && served[v - 1] == 0 && failed == 0; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_GT(served[v - 1], 0u) << "version " << v << " never answered";
  }
  stop = true;
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace adscore::server

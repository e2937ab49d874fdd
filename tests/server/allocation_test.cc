// How often our code asks the allocator on the request path, once it has warmed up: not at all.
//
// gRPC itself allocates: nine blocks for a unary call (see bench/README.md), which can't be changed from
// here.
#include <gtest/gtest.h>

#include <string>

#include "server/rpc/codec.h"
#include "server/rpc/message_arena.h"
#include "tests/allocations.h"
#include "tests/model/tiny_snapshot.h"
#include "tests/server/batcher_fixture.h"
#include "tests/server/in_process.h"

namespace adscore::server {
namespace {

// An impression that is answered without being remembered.
class SilentJob final : public ImpressionJob {
 public:
  explicit SilentJob(const FakeJob& like) : impression_(like.impression()) {
    rows = impression_.candidates.rows;
  }

  std::optional<Refusal> Decode(const ServedModel&, model::Impression* decoded) override {
    *decoded = impression_;
    return std::nullopt;
  }
  void Answer(const ServedModel&, std::span<const float> probabilities) override {
    answered += probabilities.size();
  }
  void Refuse(Refusal, const ServedModel*) override { ++refused; }

  size_t answered = 0;
  size_t refused = 0;

 private:
  const model::Impression impression_;
};

TEST_F(BatcherTest, ABatchAllocatesNothingOnceItHasWarmedUp) {
  const FakeJob like(snapshot_.snapshot().schema, 5, 1);
  SilentJob job(like);
  job.wanted.model = "ads";
  const auto round = [&] {
    for (int i = 0; i < 3; ++i) {
      job.arrival = clock_.Now();
      batcher_.Enqueue(&job);
    }
    batcher_.RunBatch();
  };
  for (int i = 0; i < 3; ++i) round();
  const size_t before = adscore::testing::allocations.count;
  for (int i = 0; i < 1000; ++i) round();
  EXPECT_EQ(adscore::testing::allocations.count - before, 0u);
  EXPECT_EQ(job.refused, 0u);
  EXPECT_EQ(job.answered, 1003u * 3 * 5 * 2);
}

// What PredictCall does with its memory, for one call after the other.
TEST(CodecAllocationTest, ParsingDecodingAndEncodingAllocateNothingOnceTheArenaHasGrown) {
  const model::testing::TinySnapshot tiny;
  const model::Schema& schema = tiny.snapshot().schema;
  const model::testing::RandomColumns context(schema, model::FeatureRole::kContext, 1, 1);
  const model::testing::RandomColumns candidates(schema, model::FeatureRole::kCandidate, 500, 2);
  std::string bytes;
  {
    v1::PredictRequest request;
    request.set_model("ads");
    request.set_candidate_count(500);
    request.mutable_packed()->set_schema_fingerprint(model::Fingerprint(schema));
    Pack(context.columns, request.mutable_packed()->mutable_context());
    Pack(candidates.columns, request.mutable_packed()->mutable_candidates());
    request.SerializeToString(&bytes);
  }
  MessageArena arena;
  RequestDecoder decoder;
  const std::vector<float> probabilities(1000, 0.5f);
  const auto call = [&] {
    arena.Reset();
    auto* request = arena.Create<v1::PredictRequest>();
    auto* response = arena.Create<v1::PredictResponse>();
    ASSERT_TRUE(request->ParseFromString(bytes));
    model::Impression impression;
    ASSERT_EQ(decoder.Decode(*request, schema, model::Fingerprint(schema), &impression), std::nullopt);
    EncodeResponse(1, probabilities, 2, {}, response);
    ASSERT_EQ(response->heads(1).probability_size(), 500);
  };
  for (int i = 0; i < 3; ++i) call();
  const size_t before = adscore::testing::allocations.count;
  for (int i = 0; i < 100; ++i) call();
  EXPECT_EQ(adscore::testing::allocations.count - before, 0u);
}

}  // namespace
}  // namespace adscore::server

// Which records of a request log a model is warmed up with, and how much is enough.
#include "server/request_log/warm_up.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "server/request_log/log_record.h"
#include "tests/model/tiny_snapshot.h"
#include "tests/server/fake_clock.h"
#include "tests/server/kept_log.h"
#include "tests/server/served_models.h"
#include "tests/server/temp_directory.h"

namespace adscore::server {
namespace {

using ::testing::HasSubstr;

class WarmUpTest : public ::testing::Test {
 protected:
  v1::LoggedRequest Record(size_t rows, const std::string& model = "ads") {
    const model::Schema& schema = snapshot_.snapshot().schema;
    const model::testing::RandomColumns context(schema, model::FeatureRole::kContext, 1, 1);
    const model::testing::RandomColumns candidates(schema, model::FeatureRole::kCandidate, rows, 2);
    AnsweredRequests answered(1, 1 << 20);
    const auto served = MakeServed(snapshot_.snapshot(), model, 1, &metrics_);
    answered.Offer(*served, {.context = context.columns, .candidates = candidates.columns},
                   std::vector<float>(rows * 2, 0.5F));
    v1::LoggedRequest record;
    ToRecord(answered.Take().at(0), &record);
    return record;
  }

  void Write(const std::string& name, const std::vector<v1::LoggedRequest>& records,
             const std::string& end = "") {
    std::string bytes;
    for (const v1::LoggedRequest& record : records) ASSERT_TRUE(AppendDelimited(record, &bytes));
    std::ofstream(directory_.path() + "/" + name, std::ios::binary) << bytes << end;
  }

  WarmUpResult Run(const WarmUpLimits& limits = {}) {
    return WarmUp(directory_.path(), *served_, limits, clock_);
  }

  const TempDirectory directory_;
  const model::testing::TinySnapshot snapshot_;
  ServerMetrics metrics_{1, [] { return LiveState{}; }};
  const std::shared_ptr<const ServedModel> served_ = MakeServed(snapshot_.snapshot(), "ads", 2, &metrics_);
  FakeClock clock_;
};

TEST_F(WarmUpTest, WhatSuitsTheModelIsScoredAndTheRestCounted) {
  v1::LoggedRequest other_schema = Record(1);
  other_schema.mutable_features()->set_schema_fingerprint(1);
  v1::LoggedRequest unfit = Record(1);
  unfit.mutable_features()->mutable_candidates()->add_numeric(1);
  Write("requests-1.pb", {Record(3), Record(2, "others"), other_schema, unfit, Record(600)});
  const WarmUpResult result = Run();
  EXPECT_TRUE(result.status.ok()) << result.status;
  EXPECT_EQ(result.requests, 2u);
  EXPECT_EQ(result.rows, 603u);
  EXPECT_EQ(result.other_models, 1u);
  EXPECT_EQ(result.other_schemas, 1u);
  EXPECT_EQ(result.unfit, 1u);
}

TEST_F(WarmUpTest, EnoughIsEnoughAndTheNewestFileComesFirst) {
  Write("requests-1.pb", {Record(1, "others")});
  Write("requests-2.pb", {Record(300), Record(300), Record(300)});
  const WarmUpResult result = Run({.rows = 400});
  EXPECT_EQ(result.requests, 2u);
  EXPECT_EQ(result.rows, 556u) << "the slice that reached the limit was the last";
  EXPECT_EQ(result.other_models, 0u);
  EXPECT_EQ(Run({.time = std::chrono::milliseconds(0)}).requests, 0u);
}

TEST_F(WarmUpTest, WhatCannotBeReadIsToldAndTheRestIsUsed) {
  Write("requests-1.pb", {Record(1)});
  Write("requests-2.pb", {Record(2)}, std::string("\0 damage", 8));
  const WarmUpResult damaged = Run();
  EXPECT_EQ(damaged.rows, 3u);
  EXPECT_EQ(damaged.status.code(), absl::StatusCode::kDataLoss);

  const KeptLog log;
  WarmUpAndLog(directory_.path() + "/none", *served_, clock_);
  EXPECT_EQ(log.Count("model ads version 2 warmed up with 0 requests"), 1);
  EXPECT_EQ(log.Count("--warmup-log: " + directory_.path() + "/none"), 1);
}

}  // namespace
}  // namespace adscore::server

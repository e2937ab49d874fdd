// What the status page is told: each model's versions with the part that each plays, and what is counted.
#include "server/http/status_json.h"

#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "server/metrics/server_metrics.h"

namespace adscore::server {
namespace {

using Json = nlohmann::json;

class StatusJsonTest : public ::testing::Test {
 protected:
  Json Status(const std::optional<std::string>& not_ready = std::nullopt) {
    return Json::parse(StatusJson(metrics_, registry_, not_ready));
  }
  Json Versions(ModelStatus status) {
    status.name = "ads";
    registry_.SetStatus(std::move(status));
    return Status()["models"].at(0)["versions"];
  }

  ServerMetrics metrics_{1, [] { return LiveState{.queued_rows = 3}; }};
  Registry registry_;
};

TEST_F(StatusJsonTest, SaysWhetherItIsReadyAndWhyNot) {
  EXPECT_TRUE(Status()["not_ready"].is_null());
  EXPECT_EQ(Status("draining")["not_ready"], "draining");
  EXPECT_GT(Status()["time"].get<double>(), 1e9);
  EXPECT_TRUE(Status()["models"].empty());
}

TEST_F(StatusJsonTest, EachVersionHasItsPartNewestFirst) {
  ModelStatus status;
  status.serving_version = 7;
  status.rollout = {.pinned = 7, .canary = 9, .canary_share = 0.25, .shadow = 8};
  status.loaded = {9, 8, 7, 6};
  status.refused = {{10, "golden rows differ", std::chrono::system_clock::from_time_t(1000)}};
  const Json versions = Versions(status);
  ASSERT_EQ(versions.size(), 5u);
  EXPECT_EQ(versions[0],
            Json::parse(
                R"({"version":10,"states":["refused"],"reason":"golden rows differ","refused_at":1000.0})"));
  EXPECT_EQ(versions[1], Json::parse(R"({"version":9,"states":["canary"]})"));
  EXPECT_EQ(versions[2], Json::parse(R"({"version":8,"states":["shadow"]})"));
  EXPECT_EQ(versions[3], Json::parse(R"({"version":7,"states":["serving","pinned"]})"));
  EXPECT_EQ(versions[4], Json::parse(R"({"version":6,"states":["kept"]})"));
  EXPECT_EQ(Status()["models"][0]["canary_share"], 0.25);
}

TEST_F(StatusJsonTest, AVersionThatIsPinnedAndRefusedSaysBoth) {
  ModelStatus status;
  status.rollout.pinned = 3;
  status.refused = {{3, "damaged", {}}};
  EXPECT_EQ(Versions(status).at(0)["states"], Json::parse(R"(["refused","pinned"])"));
}

TEST_F(StatusJsonTest, HistogramsAreCountsPerBucketAndCountersAreSums) {
  const auto version = metrics_.ForVersion("ads", 7, {"click"}, 1234);
  for (const double value : {0.015, 0.015, 0.95}) version->of(0).predictions[0].Observe(value);
  version->of(0).rows.Add(3);
  const Json metrics = Status()["metrics"];
  EXPECT_EQ(metrics["adscore_rows_total"]["series"],
            Json::parse(R"([{"labels":{"model":"ads","version":"7"},"value":3.0}])"));
  EXPECT_EQ(metrics["adscore_queued_rows"]["series"][0]["value"], 3.0);
  const Json& prediction = metrics["adscore_prediction"];
  const Json& series = prediction["series"].at(0);
  ASSERT_EQ(series["counts"].size(), prediction["bounds"].size() + 1);
  for (size_t b = 0; b < series["counts"].size(); ++b) {
    const bool is_first = b > 0 && prediction["bounds"][b - 1] == 0.01;
    const int expected = is_first ? 2 : b == prediction["bounds"].size() ? 1 : 0;
    EXPECT_EQ(series["counts"][b], expected) << b;
  }
  EXPECT_NEAR(series["sum"].get<double>(), 0.98, 1e-9);
}

TEST_F(StatusJsonTest, TextOfAnyKindComesThrough) {
  ModelStatus status;
  status.refused = {{1, "</script><b onload=\"x\">\\ \n", {}}, {2, "no UTF-8: \xff", {}}};
  const Json versions = Versions(status);
  EXPECT_EQ(versions[1]["reason"], "</script><b onload=\"x\">\\ \n");
  EXPECT_EQ(versions[0]["reason"], "no UTF-8: \uFFFD");
}

TEST_F(StatusJsonTest, AShadowIsToldByItsMeans) {
  ModelStatus status;
  status.shadow = {{.head = "click", .rows = 4, .stable_sum = 1, .shadow_sum = 2, .absolute_sum = 1}};
  Versions(status);
  EXPECT_EQ(
      Status()["models"][0]["shadow"],
      Json::parse(
          R"([{"head":"click","rows":4,"stable_mean":0.25,"shadow_mean":0.5,"mean_difference":0.25}])"));
}

}  // namespace
}  // namespace adscore::server

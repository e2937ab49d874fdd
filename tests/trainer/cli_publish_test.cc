// What fit records in a version beside the model, and what it removes from the model root.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/model_root.h"
#include "model/rollout.h"
#include "tests/trainer/cli_fixture.h"

namespace adscore::trainer {
namespace {

using Json = nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CliPublishTest : public CliTest {
 protected:
  std::vector<std::string> Quick(std::vector<std::string> more) {
    more.insert(more.end(), {"--epochs", "1", "--hidden", "none", "--json"});
    return Fit(TinyLog("1", "0"), std::move(more));
  }
  std::vector<int64_t> Versions() const { return *model::ListVersions(directory_.path() + "/M", "m"); }
};

TEST_F(CliPublishTest, TheTrainingWindowAndTheParentAreRecordedAndShown) {
  ASSERT_EQ(RunCommand(Quick({})).code, 0);
  const Outcome fit = RunCommand(Quick({"--training-window", "2026-01-01/2026-01-31T12:00:00+01:00"}));
  ASSERT_EQ(fit.code, 0) << fit.err;
  EXPECT_EQ(Json::parse(fit.out)["parent_version"], 1);

  const Json inspected = Json::parse(RunCommand({"inspect", directory_.path() + "/M/m/2", "--json"}).out);
  EXPECT_EQ(inspected["parent_version"], 1);
  EXPECT_EQ(inspected["training_from"], 1767225600);
  EXPECT_EQ(inspected["training_to"], 1769857200);
  const Json manifest = Json::parse(ReadFile(directory_.path() + "/M/m/2/manifest.json"));
  EXPECT_EQ(manifest["parent_version"], 1);
  EXPECT_EQ(manifest["training_window"]["from"], "2026-01-01T00:00:00Z");
  EXPECT_EQ(manifest["training_window"]["to"], "2026-01-31T11:00:00Z");
  EXPECT_EQ(manifest["schema_fingerprint"], inspected["schema_fingerprint"]);
  const std::string text = RunCommand({"inspect", directory_.path() + "/M/m/2"}).out;
  EXPECT_THAT(text, HasSubstr("follows version 1"));
  EXPECT_THAT(text, HasSubstr("log from 2026-01-01T00:00:00Z to 2026-01-31T11:00:00Z"));

  EXPECT_TRUE(Json::parse(ReadFile(directory_.path() + "/M/m/1/manifest.json"))["training_window"].is_null());
}

TEST_F(CliPublishTest, WhatIsWorseThanTheBaseRateIsPublishedOnlyIfToldTo) {
  std::string text = "click,site\n";
  for (int row = 0; row < 4000; ++row) {
    const bool positive = row * 7919 % 100 < 40;
    // What the site says turns round in the newest rows, which are validated on.
    const bool left = (positive != (row * 31 % 10 == 0)) != (row >= 3600);
    text += std::string(positive ? "1" : "0") + (left ? ",left\n" : ",right\n");
  }
  const std::string log = directory_.File("turned.csv", text);
  const std::string report = directory_.path() + "/report.html";
  const Outcome refused = RunCommand(Fit(log, {"--hidden", "none", "--report", report}));
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.out, ::testing::AllOf(HasSubstr("calibration"), HasSubstr("WORSE THAN NOTHING")));
  EXPECT_THAT(ReadFile(report), HasSubstr("not published"));
  EXPECT_THAT(refused.err, ::testing::AllOf(HasSubstr("nothing was published"), HasSubstr("'click'"),
                                            HasSubstr("base rate"), HasSubstr("--publish-anyway")));
  EXPECT_FALSE(model::ListVersions(directory_.path() + "/M", "m").ok()) << "there is not even a directory";
  EXPECT_EQ(RunCommand(Fit(log, {"--hidden", "none", "--publish-anyway"})).code, 0);
  EXPECT_THAT(Versions(), ElementsAre(1));
}

TEST_F(CliPublishTest, AFitSuitsItsBatchesToItsLog) {
  const Outcome fit = RunCommand(Quick({}));
  ASSERT_EQ(fit.code, 0) << fit.err;
  const Json manifest = Json::parse(ReadFile(directory_.path() + "/M/m/1/manifest.json"));
  EXPECT_EQ(manifest["options"]["batch_size"], 32);
}

TEST_F(CliPublishTest, AWindowThatIsNoneIsBadUsage) {
  ExpectBadUsage(RunCommand(Quick({"--training-window", "january"})), {"--training-window", "2026-01-01/"});
  ExpectBadUsage(RunCommand(Quick({"--training-window", "2026-02-01/2026-01-01"})), {"before it begins"});
}

TEST_F(CliPublishTest, KeepRemovesOlderVersionsAndSaysSo) {
  for (int i = 0; i < 3; ++i) ASSERT_EQ(RunCommand(Quick({})).code, 0);
  EXPECT_THAT(Versions(), ElementsAre(3, 2, 1));
  const Outcome fit = RunCommand(Quick({"--keep", "2"}));
  ASSERT_EQ(fit.code, 0) << fit.err;
  EXPECT_EQ(Json::parse(fit.out)["removed_versions"], Json({2, 1}));
  EXPECT_THAT(Versions(), ElementsAre(4, 3));
  ASSERT_TRUE(model::WriteRollout(directory_.path() + "/M", "m", {.pinned = 3}).ok());
  EXPECT_EQ(Json::parse(RunCommand(Quick({"--keep", "1"})).out)["removed_versions"], Json({4}))
      << "version 3 is pinned";
  EXPECT_EQ(Json::parse(RunCommand(Quick({"--keep", "9"})).out)["removed_versions"], Json::array());
  ExpectBadUsage(RunCommand(Quick({"--keep", "0"})), {"--keep"});
}

}  // namespace
}  // namespace adscore::trainer

// Crosses and matches from the command line to a published version, and what goes on from there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/trainer/cli_fixture.h"

namespace adscore::trainer {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

class CliCrossTest : public CliTest {
 protected:
  // A click is likely where the ad's topic is one that the visitor likes, and that is all there is to know.
  std::string LogOfLikes(uint64_t seed) {
    std::string text = "click,likes,topic,price\n";
    Random random(seed);
    for (int row = 0; row < 6000; ++row) {
      const uint64_t first = random.Below(12);
      const uint64_t second = random.Below(12);
      const uint64_t topic = random.Below(12);
      const bool liked = topic == first || topic == second;
      text += random.Uniform() < (liked ? 0.6 : 0.1) ? "1," : "0,";
      text += "topic" + std::to_string(first) + "|topic" + std::to_string(second) + ",";
      text += "topic" + std::to_string(topic) + "," + std::to_string(random.Below(100)) + "\n";
    }
    return directory_.File("likes" + std::to_string(seed) + ".csv", text);
  }
};

TEST_F(CliCrossTest, AMatchIsFoundLearntServedAndGoneOnFrom) {
  const std::string data = LogOfLikes(1);
  const Outcome fit = RunCommand(Fit(
      data, {"--context", "likes", "--cross", "topic:price", "--epochs", "2", "--hidden", "16", "--json"}));
  ASSERT_EQ(fit.code, 0) << fit.err;
  EXPECT_THAT(fit.err, HasSubstr("match(likes,topic)"));
  // It takes no more than two epochs of 5,000 rows to know that.
  EXPECT_GT(Json::parse(fit.out)["heads"]["click"]["auc"], 0.65);

  const Outcome inspect = RunCommand({"inspect", directory_.path() + "/M/m/1", "--json"});
  const Json inspected = Json::parse(inspect.out);
  EXPECT_EQ(inspected["schema"]["crosses"].size(), 2U);
  EXPECT_EQ(inspected["embeddings"][3]["feature"], "cross(topic,price)");
  EXPECT_EQ(inspected["embeddings"][4]["rows"], 4) << "missing, unknown, no and yes";
  EXPECT_LT(inspected["golden_error"], 1e-5);
  EXPECT_THAT(RunCommand({"inspect", directory_.path() + "/M/m/1"}).out, HasSubstr("cross(topic,price)"));

  const std::string later = LogOfLikes(2);
  const Outcome evaluate = RunCommand(Evaluate(later, {"--json"}));
  ASSERT_EQ(evaluate.code, 0) << evaluate.err;
  EXPECT_GT(Json::parse(evaluate.out)["heads"]["click"]["auc"], 0.65);

  ExpectBadUsage(RunCommand(Fit(later, {"--warm-start", "latest", "--match", "likes:topic"})), {"--match"});
  const Outcome went_on = RunCommand(Fit(later, {"--warm-start", "latest", "--epochs", "1", "--json"}));
  ASSERT_EQ(went_on.code, 0) << went_on.err;
  EXPECT_GT(Json::parse(went_on.out)["heads"]["click"]["auc"], 0.65);
}

TEST_F(CliCrossTest, TheSchemaThatIsPrintedHasThemAndIsUsedAsItIs) {
  const std::string data = LogOfLikes(1);
  const Outcome printed =
      RunCommand({"schema", "--data", data, "--label", "click", "--cross", "topic:price,likes:price"});
  ASSERT_EQ(printed.code, 0) << printed.err;
  EXPECT_EQ(Json::parse(printed.out)["crosses"].size(), 3U);
  const std::string schema = directory_.File("schema.json", printed.out);
  const Outcome fit = RunCommand(Fit(data, {"--schema", schema, "--epochs", "1"}));
  ASSERT_EQ(fit.code, 0) << fit.err;
  EXPECT_THAT(RunCommand({"inspect", directory_.path() + "/M/m/1"}).out, HasSubstr("cross(likes,price)"));
  ExpectBadUsage(RunCommand(Fit(data, {"--schema", schema, "--cross", "topic:price"})), {"--cross"});
}

TEST_F(CliCrossTest, WhatIsNoCrossIsRefusedInOneLine) {
  ExpectFailure(RunCommand(Fit(TinyLog("1", "0"), {"--cross", "x"})),
                {"--cross 'x'", "such as site:category"});
}

}  // namespace
}  // namespace adscore::trainer

// Several files as one log, and rows that count for more or less than one.
#include "trainer/sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/trainer/cli_fixture.h"
#include "trainer/baseline.h"
#include "trainer/dataset_reader.h"
#include "trainer/encoder_fitting.h"
#include "trainer/fit.h"
#include "trainer/row_subset.h"

namespace adscore::trainer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Sources, AWeightFollowsTheLastAt) {
  const Sources sources = Sources::Parse({"a@b.csv", "c.csv@0.5"}).value();
  ASSERT_EQ(sources.list().size(), 2U);
  EXPECT_EQ(sources.list()[0].path, "a@b.csv");
  EXPECT_EQ(sources.list()[0].weight, 1);
  EXPECT_EQ(sources.list()[1].path, "c.csv");
  EXPECT_EQ(sources.list()[1].weight, 0.5);
  EXPECT_TRUE(sources.weighted());
  EXPECT_EQ(sources.ToString(), "a@b.csv, c.csv@0.5");
}

TEST(Sources, AFileOfThatVeryNameWins) {
  const TestDirectory directory;
  const std::string path = directory.File("a.csv@2", "click,x\n1,2\n");
  EXPECT_EQ(Sources::Parse({path}).value().list()[0].path, path);
  const Sources weighted = Sources::Parse({path + "@3"}).value();
  EXPECT_EQ(weighted.list()[0].path, path);
  EXPECT_EQ(weighted.list()[0].weight, 3);
}

TEST(Sources, WeightsAreAboveZeroAndFilesAreNamedOnce) {
  for (const std::string weight : {"0", "-1", "1001", "nan", "inf"}) {
    EXPECT_THAT(std::string(Sources::Parse({"a.csv@" + weight}).status().message()),
                HasSubstr("must be above 0 and at most 1000"))
        << weight;
  }
  EXPECT_THAT(std::string(Sources::Parse({"a.csv", "a.csv@2"}).status().message()), HasSubstr("twice"));
}

class SourceReaderTest : public ::testing::Test {
 protected:
  std::string File(const std::string& name, const std::string& text) { return directory_.File(name, text); }
  absl::StatusOr<Dataset> Read(const std::vector<std::string>& files) {
    model::Schema schema;
    schema.features = {{"x", model::FeatureKind::kNumeric}, {"site", model::FeatureKind::kCategorical}};
    return ReadDataset(Sources::Parse(files).value(), data::Format::kCsv, schema, {{"click", ""}}, true,
                       nullptr);
  }
  const TestDirectory directory_;
};

TEST_F(SourceReaderTest, RowsFollowEachOtherAndColumnsGoByName) {
  const Dataset data =
      Read({File("a.csv", "click,x,site\n1,1,u\n0,2,v\n"), File("b.csv", "site;click;x\nu;0;3\n") + "@0.5",
            File("c.csv", "click,x,site\n"), File("d.csv", "x,click,site\n4,1,v\n") + "@2"})
          .value();
  EXPECT_THAT(data.columns[0].numeric, ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(data.columns[1].tokens[0], data.columns[1].tokens[2]);
  EXPECT_THAT(data.labels[0], ElementsAre(1, 0, 0, 1));
  EXPECT_THAT(data.weights, ElementsAre(1, 1, 0.5, 2));
}

TEST_F(SourceReaderTest, OtherColumnsAreRefusedByName) {
  const std::string first = File("a.csv", "click,x,site\n1,1,u\n");
  const std::string fewer = File("b.csv", "click,x\n1,1\n");
  const std::string more = File("c.csv", "click,x,site,hour\n1,1,u,3\n");
  EXPECT_THAT(std::string(Read({first, fewer}).status().message()),
              ::testing::AllOf(HasSubstr(fewer), HasSubstr("'site'"), HasSubstr("same columns")));
  EXPECT_THAT(std::string(Read({first, more}).status().message()),
              ::testing::AllOf(HasSubstr(more), HasSubstr("'hour'")));
  EXPECT_THAT(std::string(Read({first, directory_.path() + "/none.csv"}).status().message()),
              HasSubstr("none.csv"));
}

TEST_F(SourceReaderTest, AMistakeIsShownWithItsFileAndLine) {
  const std::string second = File("b.csv", "click,x,site\n1,1,u\nmaybe,1,u\n");
  EXPECT_THAT(std::string(Read({File("a.csv", "click,x,site\n1,1,u\n"), second}).status().message()),
              HasSubstr(second + ":3: label 'click' is 'maybe'"));
}

// Every row twice, or once with weight 2: the same statistics and the same first steps.
TEST(Weights, ARowOfWeightTwoIsTwoRows) {
  Dataset weighted = SmallDataset(600, 3);
  std::vector<uint32_t> twice;
  for (uint32_t row = 0; row < weighted.rows; ++row) twice.insert(twice.end(), {row, row});
  const Dataset doubled = SubsetRows(weighted, twice);
  weighted.weights.assign(weighted.rows, 2);
  const FittedEncoders of_weighted = FitEncoders(weighted, AllRows(weighted), {}).value();
  EncoderOptions doubled_options;
  doubled_options.minimum_count = 20;
  const FittedEncoders of_doubled = FitEncoders(doubled, AllRows(doubled), doubled_options).value();
  const std::span<const float> a = of_weighted.statistics[2]->table();
  const std::span<const float> b = of_doubled.statistics[2]->table();
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-3) << i;
}

TEST(Weights, RowsThatCountForLittleTeachLittle) {
  // The first half has its labels turned round.
  Dataset data = SmallDataset(6000, 4);
  for (size_t row = 0; row < 3000; ++row) {
    for (std::vector<uint8_t>& labels : data.labels) labels[row] ^= 1;
  }
  FitOptions options;
  options.labels = {{"click", ""}, {"conversion", ""}};
  options.training.hidden = {16};
  options.training.epochs = 3;
  options.training.learning_rate = 0.01F;
  const auto quietly = [](const TrainingProgress&) {};
  const double plain = FitModel(data, options, quietly)->validation[0].log_loss;
  data.weights.assign(data.rows, 1);
  std::fill_n(data.weights.begin(), 3000, 0.01F);
  const double weighted = FitModel(data, options, quietly)->validation[0].log_loss;
  EXPECT_LT(weighted, plain - 0.01);
  const Split split = SplitRows(data.rows, SplitKind::kTail, 0.1, 0.1, 1).value();
  const std::vector<float> regression = BaselineProbabilities(data, split, {}, 1).value();
  const double positive_rate =
      static_cast<double>(std::count(data.labels[0].begin() + 5400, data.labels[0].end(), 1)) / 600;
  double mean = 0;
  for (size_t i = 0; i < regression.size(); i += 2) mean += regression[i] / 600;
  EXPECT_NEAR(mean, positive_rate, 0.1);
}

TEST(Weights, ThatAreAllOneChangeNothing) {
  Dataset data = SmallDataset(1500, 5);
  FitOptions options;
  options.labels = {{"click", ""}, {"conversion", ""}};
  options.training.hidden = {8};
  options.training.epochs = 2;
  const auto quietly = [](const TrainingProgress&) {};
  const FittedModel plain = FitModel(data, options, quietly).value();
  data.weights.assign(data.rows, 1);
  const FittedModel weighted = FitModel(data, options, quietly).value();
  EXPECT_EQ(plain.model->snapshot().layers[0].weights[7], weighted.model->snapshot().layers[0].weights[7]);
  EXPECT_EQ(plain.validation[0].log_loss, weighted.validation[0].log_loss);
}

TEST_F(CliTest, SeveralFilesAreOneLog) {
  const std::string first = directory_.path() + "/first.csv";
  const std::string second = directory_.path() + "/second.csv";
  ASSERT_EQ(RunCommand({"generate", "--rows", "1500", "--out", first}).code, 0);
  ASSERT_EQ(RunCommand({"generate", "--rows", "500", "--out", second, "--seed", "2"}).code, 0);
  const Outcome outcome =
      RunCommand(Fit(first + "@0.25", {"--data", second, "--epochs", "1", "--hidden", "4", "--report",
                                       directory_.path() + "/r.html", "--json"}));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(nlohmann::json::parse(outcome.out)["rows"], 2000);
  EXPECT_THAT(ReadFile(directory_.path() + "/M/m/1/manifest.json"), HasSubstr("first.csv@0.25, "));
  EXPECT_THAT(ReadFile(directory_.path() + "/r.html"), HasSubstr("second.csv"));
  ExpectFailure(RunCommand(Fit(first, {"--data", second + "@0"})), {"second.csv@0", "weight"});
}

}  // namespace
}  // namespace adscore::trainer

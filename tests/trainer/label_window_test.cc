// Rows that are too young for a head: they are left out for it, whatever their label, and count for the
// others.
#include "trainer/label_window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "tests/trainer/cli_fixture.h"
#include "trainer/dataset_reader.h"
#include "trainer/fit.h"
#include "trainer/verdict.h"

namespace adscore::trainer {
namespace {

using ::testing::HasSubstr;

const auto kQuietly = [](const TrainingProgress&) {};
const std::vector<model::Label> kLabels = {{"click", ""}, {"conversion", ""}};

// SmallDataset, a row a second.
Dataset Timed(size_t rows, uint64_t seed) {
  Dataset data = SmallDataset(rows, seed);
  for (size_t row = 0; row < rows; ++row) data.times.push_back(1'700'000'000 + static_cast<int64_t>(row));
  return data;
}

FitOptions SmallOptions() {
  FitOptions options;
  options.labels = kLabels;
  options.validation_share = 0.4;
  options.training.hidden = {16, 8};
  options.training.batch_size = 64;
  options.training.epochs = 3;
  options.training.learning_rate = 0.01F;
  return options;
}

TEST(LabelWindow, LengthsAreParsed) {
  EXPECT_EQ(ParseLabelWindows("7d").value(), (std::vector<LabelWindow>{{"", 7 * 86'400}}));
  const std::vector<LabelWindow> some = {{"click", 90}, {"a=b", 2 * 7 * 86'400}};
  EXPECT_EQ(ParseLabelWindows("click=90s,a=b=2w").value(), some);
  for (const char* wrong :
       {"", "7", "d", "0d", "-1d", "1.5h", "7y", "click=", "=7d", "7d,click=3h", "99999w"}) {
    EXPECT_THAT(std::string(ParseLabelWindows(wrong).status().message()), HasSubstr("conversion=7d"))
        << wrong;
  }
  EXPECT_THAT(std::string(ParseLabelWindows("a=1h,a=2d").status().message()),
              HasSubstr("two windows, 1h and 2d"));
}

TEST(LabelWindow, TimesAreDatesOrSeconds) {
  EXPECT_EQ(ParseRowTime("2017-11-07T10:30:38+01:00"), 1'510'047'038);
  EXPECT_EQ(ParseRowTime(" 1510047038 "), 1'510'047'038);
  EXPECT_EQ(ParseRowTime("12.9"), 12);
  EXPECT_EQ(ParseRowTime("-3.5"), -4);
  EXPECT_EQ(ParseRowTime("1510047038123"), 1'510'047'038) << "thousandths";
  EXPECT_EQ(ParseRowTime("20010101"), 20'010'101) << "seconds since some moment of the log's own";
  // Of other lengths they would make a window a thousandth of what was meant.
  for (const char* wrong : {"", "yesterday", "12x", "nan", "inf", "151004703800000"}) {
    EXPECT_EQ(ParseRowTime(wrong), std::nullopt) << wrong;
    EXPECT_THAT(std::string(ParseLabelUntil(wrong).status().message()), HasSubstr("is no time")) << wrong;
  }
}

TEST(LabelWindow, YoungRowsAreLeftOutForTheirHeadAlone) {
  Dataset data = Timed(100, 1);
  const std::vector<std::vector<uint8_t>> before = data.labels;
  const std::vector<std::string> notices =
      LeaveOutYoungRows({{"conversion", 30}}, std::nullopt, kLabels, &data).value();
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_THAT(notices[0],
              HasSubstr("'conversion': 30 of the 100 rows are younger than its window of 30s, counted "
                        "from 2023-11-14T22:14:59Z"));
  EXPECT_EQ(data.labels[0], before[0]);
  for (size_t row = 0; row < 100; ++row) {
    EXPECT_EQ(data.labels[1][row], row < 70 ? before[1][row] : kUnknownLabel) << row;
  }
  EXPECT_TRUE(data.times.empty());
  EXPECT_TRUE(HasUnknownLabels(data));
}

TEST(LabelWindow, AgesAreCountedFromWhenTheLabelsWereLastBroughtUpToDate) {
  Dataset late = Timed(100, 1);
  ASSERT_TRUE(LeaveOutYoungRows({{"", 30}}, 1'700'000'129, kLabels, &late).ok());
  EXPECT_FALSE(HasUnknownLabels(late)) << "the newest row is 30 seconds old";
  Dataset early = Timed(100, 1);
  ASSERT_TRUE(LeaveOutYoungRows({{"", 30}}, 1'700'000'050, kLabels, &early).ok());
  for (const std::vector<uint8_t>& labels : early.labels) {
    EXPECT_EQ(std::count(labels.begin(), labels.end(), kUnknownLabel), 79);
  }
}

TEST(LabelWindow, AHeadWithoutOldRowsAndAHeadThatIsNotThereAreErrors) {
  Dataset data = Timed(100, 1);
  EXPECT_THAT(
      std::string(LeaveOutYoungRows({{"conversion", 100}}, std::nullopt, kLabels, &data).status().message()),
      ::testing::AllOf(HasSubstr("'conversion': all 100 rows are younger"),
                       HasSubstr("a shorter --label-window")));
  EXPECT_THAT(std::string(LeaveOutYoungRows({{"sale", 1}}, std::nullopt, kLabels, &data).status().message()),
              HasSubstr("'sale', which is none of the labels"));
}

TEST(LabelWindow, APartWithoutOldRowsIsAnErrorThatSaysHowManyToKeep) {
  Dataset data = Timed(1000, 1);
  ASSERT_TRUE(LeaveOutYoungRows({{"conversion", 450}}, std::nullopt, kLabels, &data).ok());
  FitOptions options = SmallOptions();
  const absl::Status status = FitModel(data, options, kQuietly).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              ::testing::AllOf(HasSubstr("'conversion': the 400 rows to validate on"),
                               HasSubstr("450 of all 1000"), HasSubstr("more than 0.45")));
  options.split = SplitKind::kRandom;
  EXPECT_TRUE(FitModel(data, options, kQuietly).ok());
}

// What a young row's label is can't be found out from the model, from its figures or from what it is compared
// with; with chains and without.
TEST(LabelWindow, YoungLabelsSayNothingWhateverTheyAre) {
  for (const bool chained : {false, true}) {
    std::vector<FittedModel> fits;
    std::vector<std::vector<HeadVerdict>> verdicts;
    for (const uint8_t young : {0, 1}) {
      Dataset data = Timed(6000, 3);
      std::fill_n(data.labels[1].end() - 1500, 1500, young);
      if (chained) {
        for (size_t row = 0; row < 4500; ++row) data.labels[1][row] &= data.labels[0][row];
      }
      ASSERT_TRUE(LeaveOutYoungRows({{"conversion", 1500}}, std::nullopt, kLabels, &data).ok());
      FitOptions options = SmallOptions();
      options.refit = true;
      options.training.negative_rate = 0.5;
      if (chained) options.after = std::vector{HeadAfter{"conversion", "click"}};
      fits.push_back(FitModel(data, options, kQuietly).value());
      const Split split = SplitRows(data.rows, options.split, 0.4, 0.1, 1).value();
      const std::vector<float> half(2 * split.validation.size(), 0.5F);
      verdicts.push_back(Judge(data, split, options, fits.back().model->snapshot().heads, half).value());
    }
    const model::Snapshot& a = fits[0].published().snapshot();
    const model::Snapshot& b = fits[1].published().snapshot();
    for (size_t l = 0; l < a.layers.size(); ++l) {
      EXPECT_TRUE(std::ranges::equal(a.layers[l].weights, b.layers[l].weights)) << l;
    }
    for (size_t f = 0; f < a.encodings.size(); ++f) {
      EXPECT_TRUE(std::ranges::equal(a.encodings[f].statistics.values, b.encodings[f].statistics.values))
          << f;
    }
    for (size_t h = 0; h < 2; ++h) {
      EXPECT_EQ(a.heads[h].base_rate, b.heads[h].base_rate);
      EXPECT_EQ(a.heads[h].calibrator, b.heads[h].calibrator);
      EXPECT_EQ(fits[0].validation[h].log_loss, fits[1].validation[h].log_loss);
      EXPECT_EQ(VerdictToJson(verdicts[0]), VerdictToJson(verdicts[1]));
    }
    EXPECT_EQ(fits[0].validation[0].rows, 2400U);
    EXPECT_EQ(fits[0].validation[1].rows, 900U);
    EXPECT_EQ(verdicts[0][1].versus_base_rate.first.rows, 900U);
  }
}

// Half of the last third's conversions have not arrived yet.
TEST(LabelWindow, LateConversionsDoNotMakeTheProbabilitiesTooLow) {
  Dataset biased = Timed(12'000, 4);
  const double rate =
      static_cast<double>(std::count(biased.labels[1].begin(), biased.labels[1].begin() + 8000, 1)) / 8000;
  for (size_t row = 8000; row < 12'000; row += 2) biased.labels[1][row] = 0;
  FitOptions options = SmallOptions();
  options.refit = true;
  const auto served_rate = [](const FittedModel& fitted) {
    return fitted.published().snapshot().heads[1].base_rate;
  };
  EXPECT_LT(served_rate(FitModel(biased, options, kQuietly).value()), 0.9 * rate);
  ASSERT_TRUE(LeaveOutYoungRows({{"conversion", 4000}}, std::nullopt, kLabels, &biased).ok());
  const FittedModel fitted = FitModel(biased, options, kQuietly).value();
  EXPECT_NEAR(served_rate(fitted), rate, 1e-9);
  EXPECT_NEAR(*fitted.validation[1].calibration, 1, 0.15);
}

using LabelWindowCliTest = CliTest;

TEST_F(LabelWindowCliTest, ALogLargerThanMemoryKnowsTheSameLabels) {
  const std::string path = [&] {
    std::string text = "click,conversion,x,at\n";
    for (int i = 0; i < 150'000; ++i) {
      text += std::to_string(i % 3 == 0) + "," + std::to_string(i % 12 == 0) + "," + std::to_string(i % 17) +
              ".5," + std::to_string(1'700'000'000 + i) + "\n";
    }
    return directory_.File("log.csv", text);
  }();
  model::Schema schema;
  schema.features = {model::Feature{"x", model::FeatureKind::kNumeric, model::FeatureRole::kCandidate}};
  std::vector<std::vector<uint8_t>> labels[2];
  for (const size_t memory : {size_t{1} << 20, size_t{1} << 30}) {
    Dataset data = ReadDataset(path, data::Format::kAuto, schema, kLabels, true, nullptr,
                               {memory, directory_.path()}, "at")
                       .value();
    EXPECT_EQ(data.cache != nullptr, memory == size_t{1} << 20);
    ASSERT_TRUE(LeaveOutYoungRows({{"conversion", 60'000}}, std::nullopt, kLabels, &data).ok());
    EXPECT_EQ(std::count(data.labels[1].begin(), data.labels[1].end(), kUnknownLabel), 60'000);
    labels[memory == size_t{1} << 30] = data.labels;
    if (data.cache == nullptr) continue;
    FitOptions options = SmallOptions();
    options.validation_share = 0.5;
    options.training.epochs = 1;
    options.training.batch_size = 2048;
    options.memory_bytes = memory;
    const FittedModel fitted = FitModel(data, options, kQuietly).value();
    EXPECT_EQ(fitted.validation[0].rows, 75'000U);
    EXPECT_EQ(fitted.validation[1].rows, 15'000U);
    EXPECT_NEAR(*fitted.validation[1].calibration, 1, 0.05);
  }
  EXPECT_EQ(labels[0], labels[1]);
}

TEST_F(LabelWindowCliTest, FitAndEvaluateLeaveYoungRowsOut) {
  std::string text = "click,conversion,x,at\n";
  for (int i = 0; i < 2000; ++i) {
    text += std::to_string(i % 3 == 0) + "," + std::to_string(i % 9 == 0 && i < 1400) + "," +
            std::to_string(i % 7) + ".5,2026-01-" + std::to_string(10 + i / 100) + " 0" +
            std::to_string(i % 10) + ":00\n";
  }
  const std::string log = directory_.File("log.csv", text);
  const std::vector<std::string> windows = {"--label-time", "at", "--label-window", "conversion=6d"};
  std::vector<std::string> fit = {"fit",
                                  "--data",
                                  log,
                                  "--label",
                                  "click,conversion",
                                  "--model-root",
                                  directory_.path() + "/M",
                                  "--model",
                                  "m",
                                  "--validation",
                                  "0.5",
                                  "--epochs",
                                  "1",
                                  "--hidden",
                                  "4",
                                  "--ignore",
                                  "at",
                                  "--json"};
  const auto with = [](std::vector<std::string> arguments, const std::vector<std::string>& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunCommand(arguments);
  };
  const Outcome fitted = with(fit, windows);
  ASSERT_EQ(fitted.code, 0) << fitted.err;
  EXPECT_THAT(fitted.err, HasSubstr("'conversion': 600 of the 2000 rows"));
  const nlohmann::json json = nlohmann::json::parse(fitted.out);
  EXPECT_EQ(json["heads"]["click"]["rows"], 1000);
  EXPECT_EQ(json["heads"]["conversion"]["rows"], 400);
  EXPECT_NEAR(json["heads"]["conversion"]["base_rate"], 1.0 / 9, 0.01);

  const Outcome evaluated = with(Evaluate(log, {"--json"}), windows);
  ASSERT_EQ(evaluated.code, 0) << evaluated.err;
  EXPECT_EQ(nlohmann::json::parse(evaluated.out)["heads"]["conversion"]["rows"], 1400);
  const Outcome all = RunCommand(Evaluate(log, {"--json"}));
  EXPECT_EQ(nlohmann::json::parse(all.out)["heads"]["conversion"]["rows"], 2000);

  ExpectBadUsage(with(fit, {"--label-time", "at"}), {"--label-window"});
  ExpectBadUsage(with(fit, {"--label-window", "7d"}), {"--label-time"});
  ExpectBadUsage(with(fit, {"--label-time", "at", "--label-window", "7"}),
                 {"--label-window", "conversion=7d"});
  EXPECT_THAT(with(fit, {"--label-time", "when", "--label-window", "7d"}).err, HasSubstr("when"));
  EXPECT_THAT(with(fit, {"--label-time", "at", "--label-window", "conversion=90d"}).err,
              HasSubstr("all 2000 rows are younger"));
  text += "0,0,1,soon\n";
  directory_.File("log.csv", text);
  EXPECT_THAT(with(fit, windows).err, HasSubstr("log.csv:2002: --label-time at is 'soon'"));
}

}  // namespace
}  // namespace adscore::trainer

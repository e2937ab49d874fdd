// Going on from a snapshot: what stays, what is new and what fades.
#include "trainer/warm_start.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "model/model.h"
#include "tests/trainer/cli_fixture.h"
#include "trainer/evaluation.h"
#include "trainer/fit.h"

namespace adscore::trainer {
namespace {

using ::testing::HasSubstr;

const auto kQuietly = [](const TrainingProgress&) {};
constexpr size_t kAd = 2;  // the categorical feature of SmallDataset

FitOptions SmallOptions() {
  FitOptions options;
  options.labels = {{"click", ""}, {"conversion", ""}};
  options.training.hidden = {16, 8};
  options.training.batch_size = 64;
  options.training.epochs = 3;
  options.training.learning_rate = 0.01F;
  return options;
}

class WarmStartTest : public ::testing::Test {
 protected:
  explicit WarmStartTest(size_t members = 1) : data_(SmallDataset(4000, 1)) {
    FitOptions options = SmallOptions();
    options.members = members;
    before_ = FitModel(data_, options, kQuietly).value();
  }
  const model::Snapshot& old() const { return before_.model->snapshot(); }
  absl::StatusOr<FittedModel> GoOn(const Dataset& data, double kept = WarmStart::kKept) {
    start_ = WarmStart::From(old(), kept).value();
    FitOptions options = SmallOptions();
    options.members = old().members;
    options.encoders.warm_start = &*start_;
    return FitModel(data, options, kQuietly);
  }

  const Dataset data_;
  FittedModel before_;
  std::optional<WarmStart> start_;
};

TEST_F(WarmStartTest, WhatThisTrainerCanNotHaveMadeIsRefused) {
  model::Snapshot snapshot = old();  // of views
  snapshot.layers[0].activation = {model::ActivationKind::kTanh};
  EXPECT_THAT(std::string(WarmStart::From(snapshot, 1).status().message()), HasSubstr("the activation tanh"));
  snapshot = old();
  const auto is_number = [](const model::Feature& f) { return f.kind == model::FeatureKind::kNumeric; };
  const auto number = std::ranges::find_if(snapshot.schema.features, is_number);
  ASSERT_NE(number, snapshot.schema.features.end());
  snapshot.encodings[static_cast<size_t>(number - snapshot.schema.features.begin())].numeric.flag = false;
  EXPECT_THAT(std::string(WarmStart::From(snapshot, 1).status().message()), HasSubstr(number->name));
}

TEST_F(WarmStartTest, TheCountsComeBackOutOfTheStatistics) {
  const WarmStart start = WarmStart::From(old(), 1).value();
  const std::vector<PastToken> tokens = start.Tokens(kAd);
  ASSERT_EQ(tokens.size(), 8U);
  for (const PastToken& past : tokens) {
    double rows = 0;
    std::vector<double> positives(2);
    for (size_t row = 0; row < before_.training_rows; ++row) {
      if (data_.columns[kAd].tokens[row] != past.token) continue;
      ++rows;
      for (size_t h = 0; h < 2; ++h) positives[h] += data_.labels[h][row];
    }
    EXPECT_NEAR(past.rows, rows, 0.01 * rows);
    for (size_t h = 0; h < 2; ++h) EXPECT_NEAR(past.positives[h], positives[h], 0.01 * rows + 0.5);
  }
  EXPECT_NEAR(start.rows(), static_cast<double>(before_.training_rows), 0.01 * 3600);
}

TEST_F(WarmStartTest, WithoutATrainingStepItSaysWhatItSaidBefore) {
  const WarmStart start = WarmStart::From(old()).value();
  EncoderOptions options;
  options.warm_start = &start;
  const FittedEncoders encoders = FitEncoders(data_, AllRows(data_), options).value();
  const InputLayout layout = LayOutInput(data_.schema, encoders.encodings);
  const Parameters parameters = start.ParametersOf(0, layout, encoders.previous_ids);
  // The rows of the tables are those of the tokens, wherever their ids are now.
  for (const InputField& field : layout.fields) {
    if (field.feature != kAd) continue;
    const size_t f = &field - layout.fields.data();
    for (uint64_t token = 1000; token <= 8000; token += 1000) {
      const uint32_t was = old().encodings[kAd].vocabulary.Lookup(token);
      const uint32_t is = encoders.encodings[kAd].vocabulary.Lookup(token);
      for (size_t d = 0; d < field.dim; ++d) {
        EXPECT_EQ(parameters.tables[f][is * field.dim + d], old().encodings[kAd].embedding.Row(was)[d]);
      }
    }
  }
  EXPECT_EQ(encoders.encodings[0].numeric, old().encodings[0].numeric) << "bins and scales stay";
}

TEST_F(WarmStartTest, NewTokensGetARowAndOldOnesFade) {
  Dataset newer = SmallDataset(4000, 2);
  for (uint64_t& token : newer.columns[kAd].tokens) {
    if (token == 8000) token = 4711;  // one goes, another one comes
  }
  const FittedModel after = GoOn(newer, 0.5).value();
  const model::FeatureEncoding& encoding = after.model->snapshot().encodings[kAd];
  const uint32_t fresh = encoding.vocabulary.Lookup(4711);
  ASSERT_NE(fresh, model::kUnknownId);
  EXPECT_LT(fresh, encoding.embedding.rows);
  const uint32_t gone = encoding.vocabulary.Lookup(8000);
  ASSERT_NE(gone, model::kUnknownId) << "it still counts for half";
  const uint32_t was = old().encodings[kAd].vocabulary.Lookup(8000);
  EXPECT_LT(encoding.statistics.Row(gone)[2], old().encodings[kAd].statistics.Row(was)[2]);
  EXPECT_TRUE(model::Validate(after.model->snapshot()).ok());
  // In the end it is forgotten.
  const FittedModel forgotten = GoOn(newer, 0.0001).value();
  EXPECT_EQ(forgotten.model->snapshot().encodings[kAd].vocabulary.Lookup(8000), model::kUnknownId);
}

TEST_F(WarmStartTest, ATokenOfASingleRowOutlastsTheNextIncrement) {
  constexpr uint64_t kOnce = 4711;
  Dataset data = SmallDataset(4000, 1);
  data.columns[kAd].tokens[0] = kOnce;
  const FittedModel once = FitModel(data, SmallOptions(), kQuietly).value();
  const WarmStart start = WarmStart::From(once.model->snapshot()).value();
  EncoderOptions options;
  options.warm_start = &start;
  FittedEncoders after = FitEncoders(data_, AllRows(data_), options).value();
  const uint32_t id = after.encodings[kAd].vocabulary.Lookup(kOnce);
  ASSERT_NE(id, model::kUnknownId);
  EXPECT_GT(after.encodings[kAd].statistics.Row(id)[2], 0) << "its count";
  options.most_single_tokens = 0;
  after = FitEncoders(data_, AllRows(data_), options).value();
  EXPECT_EQ(after.encodings[kAd].vocabulary.Lookup(kOnce), model::kUnknownId)
      << "but not where there are too many";
}

TEST_F(WarmStartTest, FewRowsHardlyMoveTheCalibrators) {
  Dataset few = SmallDataset(200, 7);
  for (std::vector<uint8_t>& labels : few.labels) {  // another world, which all rows speak for
    for (uint8_t& label : labels) label = label == 0 ? 1 : 0;
  }
  const FittedModel after = GoOn(few).value();
  for (size_t head = 0; head < 2; ++head) {
    const model::Calibrator& was = old().heads[head].calibrator;
    const model::Calibrator& is = after.model->snapshot().heads[head].calibrator;
    EXPECT_NE(is, was);
    EXPECT_NEAR(is.slope, was.slope, 0.2);
    EXPECT_NEAR(is.offset, was.offset, 0.2);
  }
}

TEST_F(WarmStartTest, IsBetterThanTheNewRowsAlone) {
  const Dataset little = SmallDataset(600, 3);
  FitOptions options = SmallOptions();
  const FittedModel anew = FitModel(little, options, kQuietly).value();
  const FittedModel after = GoOn(little).value();
  const Dataset later = SmallDataset(4000, 4);
  const auto loss = [&](const FittedModel& fitted) {
    const model::Model model(fitted.model->snapshot(),
                             *model::AvailableKernelSets(model::Precision::kF32).front());
    const std::vector<float> scores = ScoreRows(model, later, AllRows(later)).value();
    return FiguresByHead(later, AllRows(later), scores)[0].log_loss;
  };
  EXPECT_LT(loss(after), loss(anew) - 0.005);
}

TEST_F(WarmStartTest, TheSameAgainGivesTheSameBits) {
  const Dataset newer = SmallDataset(1000, 5);
  const FittedModel one = GoOn(newer).value();
  const FittedModel two = GoOn(newer).value();
  EXPECT_TRUE(
      std::ranges::equal(one.model->snapshot().layers[0].weights, two.model->snapshot().layers[0].weights));
}

class WarmEnsembleTest : public WarmStartTest {
 protected:
  WarmEnsembleTest() : WarmStartTest(2) {}
};

TEST_F(WarmEnsembleTest, EachMemberGoesOn) {
  const WarmStart start = WarmStart::From(old()).value();
  EXPECT_EQ(start.embedding_dim(), EncoderOptions().embedding_dim);
  const FittedModel after = GoOn(SmallDataset(1000, 6)).value();
  EXPECT_EQ(after.model->snapshot().members, 2U);
  for (const size_t member : {0, 1}) {
    // Nearer to where it was than to the other one.
    const auto distance = [&](size_t other) {
      double sum = 0;
      const std::span<const float> a = after.model->snapshot().LayersOf(member)[0].weights;
      const std::span<const float> b = old().LayersOf(other)[0].weights;
      for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
      return sum;
    };
    EXPECT_LT(distance(member), distance(1 - member));
  }
}

class WarmStartCliTest : public CliTest {
 protected:
  WarmStartCliTest() {
    log_ = Generated(3000);
    EXPECT_EQ(RunCommand(Fit(log_, {"--epochs", "1", "--hidden", "8,4", "--seed", "2"})).code, 0);
    newer_ = directory_.path() + "/newer.csv";
    EXPECT_EQ(RunCommand({"generate", "--rows", "2000", "--out", newer_, "--seed", "6"}).code, 0);
  }
  std::string log_;
  std::string newer_;
};

TEST_F(WarmStartCliTest, PublishesTheNextVersionWithTheSchemaOfTheLast) {
  const Outcome outcome = RunCommand(Fit(newer_, {"--warm-start", "latest", "--epochs", "1", "--json"}));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const nlohmann::json json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["version"], 2);
  EXPECT_EQ(json["parent_version"], 1);
  ASSERT_EQ(RunCommand(Fit(newer_, {"--warm-start", "1", "--epochs", "1"})).code, 0);
  const nlohmann::json manifest = nlohmann::json::parse(ReadFile(directory_.path() + "/M/m/3/manifest.json"));
  EXPECT_EQ(manifest["parent_version"], 1);
  EXPECT_EQ(
      manifest["schema_fingerprint"],
      nlohmann::json::parse(ReadFile(directory_.path() + "/M/m/1/manifest.json"))["schema_fingerprint"]);
  EXPECT_EQ(manifest["options"]["hidden"], nlohmann::json({8, 4}));
}

TEST_F(WarmStartCliTest, ContradictionsAreRefusedByName) {
  ExpectFailure(RunCommand(Fit(newer_, {"--warm-start", "latest", "--hidden", "16"})),
                {"--hidden 16", "--warm-start", "version 1 has 8,4"});
  ExpectFailure(RunCommand(Fit(newer_, {"--warm-start", "1", "--embedding-dim", "4"})),
                {"--embedding-dim 4"});
  ExpectFailure(RunCommand(Fit(newer_, {"--warm-start", "1", "--ensemble", "3"})), {"--ensemble 3"});
  ExpectFailure(RunCommand(Fit(newer_, {"--warm-start", "1", "--bins", "30"})), {"--bins 30"});
  ExpectFailure(RunCommand(Fit(newer_, {"--warm-start", "1", "--batch-norm"})),
                {"--batch-norm", "version 1"});
  ExpectFailure(RunCommand(Fit(newer_, {"--warm-start", "1", "--linear"})), {"--linear", "version 1"});
  ExpectFailure(RunCommand(Fit(newer_, {"--warm-start", "7"})), {"--warm-start 7", "there are 1"});
  std::vector<std::string> other = Fit(newer_, {"--warm-start", "1"});
  other[4] = "conversion";
  ExpectFailure(RunCommand(other), {"--label conversion", "version 1 has click"});
  ExpectBadUsage(RunCommand(Fit(newer_, {"--warm-start", "newest"})), {"newest", "latest"});
  ExpectBadUsage(RunCommand(Fit(newer_, {"--warm-start", "1", "--ignore", "hour"})), {"--ignore"});
}

TEST_F(WarmStartCliTest, GoesOnFromBatchNormalisationAndALinearPartWithoutThem) {
  ASSERT_EQ(RunCommand(Fit(log_, {"--batch-norm", "--linear", "--epochs", "1", "--hidden", "8,4"})).code, 0);
  const Outcome outcome = RunCommand(Fit(newer_, {"--warm-start", "latest", "--epochs", "1", "--json"}));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(nlohmann::json::parse(outcome.out)["parent_version"], 2);
  const auto options = [&](int version) {
    const std::string path = directory_.path() + "/M/m/" + std::to_string(version) + "/manifest.json";
    return nlohmann::json::parse(ReadFile(path))["options"];
  };
  EXPECT_EQ(options(2)["batch_norm"], true);
  EXPECT_EQ(options(3)["batch_norm"], false);
  EXPECT_EQ(options(2)["linear"], true);
  EXPECT_EQ(options(3)["linear"], false);
  EXPECT_EQ(options(3)["hidden"], nlohmann::json({10, 6})) << "with the units that carry the linear part";
}

TEST_F(WarmStartCliTest, ALogWithoutAColumnOfTheSchemaIsRefused) {
  ExpectFailure(RunCommand(Fit(TinyLog("1", "0"), {"--warm-start", "1"})),
                {"feature '", "is not a column of"});
}

}  // namespace
}  // namespace adscore::trainer

#include "trainer/schema_inference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "model/cross.h"
#include "tests/trainer/test_data.h"
#include "trainer/column_profile.h"
#include "trainer/generator.h"
#include "trainer/random.h"

namespace adscore::trainer {
namespace {

using model::Feature;
using model::FeatureKind;
using model::FeatureRole;
using model::NumericTransform;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using CellOfRow = std::function<std::string(int row)>;

class SchemaInferenceTest : public testing::Test {
 protected:
  static constexpr int kRows = 2000;

  // A log of `rows` rows with a label, a feature that is always fine, and a column `name` under test.
  std::string Log(const std::string& name, const CellOfRow& cell, int rows = kRows) {
    std::string text = "click,weight," + name + "\n";
    for (int row = 0; row < rows; ++row) {
      text += std::to_string(row % 5 == 0) + "," + std::to_string(row % 77) + ".5," + cell(row) + "\n";
    }
    return directory_.File("log.csv", text);
  }

  absl::StatusOr<InferredSchema> Infer(const std::string& path, InferenceOptions options = {}) {
    if (options.labels.empty()) options.labels = ParseLabels("click").value();
    return InferSchema(path, data::Format::kAuto, options);
  }

  // The column's feature; one without a name if the column was left out.
  Feature FeatureFor(const std::string& name, const CellOfRow& cell, int rows = kRows) {
    const InferredSchema inferred = Infer(Log(name, cell, rows)).value();
    notices_ = inferred.notices;
    const Feature* feature = inferred.schema.Find(name);
    return feature == nullptr ? Feature{} : *feature;
  }

  TestDirectory directory_;
  std::vector<std::string> notices_;  // of the last FeatureFor
};

TEST_F(SchemaInferenceTest, NumbersAreNumericAlsoWithGapsAndAFewTypos) {
  const Feature feature = FeatureFor("amount", [](int row) {
    if (row % 4 == 0) return std::string(row % 8 == 0 ? "" : "NA");
    if (row == 1001) return std::string("twelve");
    return std::to_string(row % 41) + ".25";
  });
  EXPECT_EQ(feature.name, "amount");
  EXPECT_EQ(feature.kind, FeatureKind::kNumeric);
  EXPECT_EQ(feature.role, FeatureRole::kCandidate);
}

TEST_F(SchemaInferenceTest, TwoValuesAndAmountsWithARareTailAreNumeric) {
  EXPECT_EQ(FeatureFor("flag", [](int row) { return std::to_string(row % 2); }).kind, FeatureKind::kNumeric);
  EXPECT_EQ(
      FeatureFor("purchases", [](int row) { return std::to_string(row % 500 == 0 ? 4 : row % 3); }).kind,
      FeatureKind::kNumeric);
  EXPECT_EQ(FeatureFor("hour", [](int row) { return std::to_string(row % 24); }).kind, FeatureKind::kNumeric);
}

TEST_F(SchemaInferenceTest, TextIsCategorical) {
  EXPECT_EQ(FeatureFor("site", [](int row) { return "s" + std::to_string(row % 9); }).kind,
            FeatureKind::kCategorical);
  const auto mixed = [](int row) {
    if (row % 20 == 0) return std::string(row % 40 == 0 ? "n/k" : "old");
    return std::to_string(row % 9) + ".5";
  };
  EXPECT_EQ(FeatureFor("mixed", mixed).kind, FeatureKind::kCategorical);
  EXPECT_THAT(notices_, ElementsAre(AllOf(HasSubstr("'mixed'"), HasSubstr("95.0%"), HasSubstr("'n/k'"))));
}

TEST_F(SchemaInferenceTest, OneTextAmongNumbersIsAWayToWriteNone) {
  for (const char* marker : {"-", "#N/A", "unknown", "inf", "1e400"}) {
    const auto cell = [marker](int row) {
      return row % 7 == 0 ? std::string(marker) : std::to_string(row % 41) + ".25";
    };
    EXPECT_EQ(FeatureFor("amount", cell).kind, FeatureKind::kNumeric) << marker;
  }
  EXPECT_EQ(
      FeatureFor("size", [](int row) { return row % 3 != 0 ? "large" : std::to_string(row % 41); }).kind,
      FeatureKind::kCategorical)
      << "most cells are no numbers";
}

TEST_F(SchemaInferenceTest, NumbersThatSayMoreThanTheirNeighboursAreNames) {
  // The label goes by row % 5, and so by the very number, but by no range of them.
  EXPECT_EQ(FeatureFor("shelf", [](int row) { return std::to_string(row % 90); }).kind,
            FeatureKind::kCategorical);
  // By a range: the larger, the likelier.
  EXPECT_EQ(
      FeatureFor("grams", [](int row) { return std::to_string(row % 5 == 0 ? 50 + row % 43 : row % 71); })
          .kind,
      FeatureKind::kNumeric);
}

TEST_F(SchemaInferenceTest, DigitsThatAreNamesAreCategorical) {
  EXPECT_EQ(FeatureFor("zip", [](int row) { return std::to_string(10'000 + row % 90); }).kind,
            FeatureKind::kCategorical);
  for (const char* name : {"campaign_id", "campaignId", "Campaign ID", "id_of_ad", "postcode"}) {
    EXPECT_EQ(FeatureFor(name, [](int row) { return std::to_string(1000 + row % 90); }).kind,
              FeatureKind::kCategorical)
        << name;
  }
  const auto untold = [](int row) {
    return std::to_string(row / 5 % 90);
  };  // by the label, which row % 5 decides
  EXPECT_EQ(FeatureFor("bid", untold).kind, FeatureKind::kNumeric)
      << "a name that only ends in 'id' is no id";
  EXPECT_EQ(FeatureFor("user_device", untold).kind, FeatureKind::kCategorical) << "which device";
  EXPECT_EQ(FeatureFor("device_count", untold).kind, FeatureKind::kNumeric) << "how many";
  EXPECT_EQ(FeatureFor("branch", [](int row) { return "00" + std::to_string(row % 90); }).kind,
            FeatureKind::kCategorical)
      << "leading zeros";
  EXPECT_EQ(
      FeatureFor("cookie", [](int row) { return "92233720368547" + std::to_string(1000 + row % 90); }).kind,
      FeatureKind::kCategorical)
      << "more digits than a number holds";
  EXPECT_EQ(FeatureFor("channel", [](int row) { return std::to_string(1 + row % 6); }).kind,
            FeatureKind::kCategorical)
      << "a handful of values, all common";
}

TEST_F(SchemaInferenceTest, CellsOfSeveralValuesAreMultiValued) {
  const CellOfRow bars = [](int row) {
    return "t" + std::to_string(row % 7) + (row % 3 == 0 ? "|t" + std::to_string(row % 11) : "");
  };
  const Feature feature = FeatureFor("tags", bars);
  EXPECT_EQ(feature.kind, FeatureKind::kMultiCategorical);
  EXPECT_EQ(feature.delimiter, '|');

  const Feature semicolons = FeatureFor("tags", [](int row) {
    return std::to_string(row % 7) + ";" + std::to_string(row % 11) + ";" + std::to_string(row % 13);
  });
  EXPECT_EQ(semicolons.kind, FeatureKind::kMultiCategorical);
  EXPECT_EQ(semicolons.delimiter, ';');
}

TEST_F(SchemaInferenceTest, ListsMayBeSeparatedByCommasInQuotes) {
  const Feature tags = FeatureFor("tags", [](int row) {
    return "\"t" + std::to_string(row % 13) + ",t" + std::to_string(row * 7 % 11) + ",t" +
           std::to_string(row % 5) + "\"";
  });
  EXPECT_EQ(tags.kind, FeatureKind::kMultiCategorical);
  EXPECT_EQ(tags.delimiter, ',');
  EXPECT_EQ(FeatureFor("city",
                       [](int row) {
                         return "\"c" + std::to_string(row % 90) + ",s" + std::to_string(row % 30) + "\"";
                       })
                .kind,
            FeatureKind::kCategorical);
}

TEST_F(SchemaInferenceTest, OneNameWithADelimiterInItIsCategorical) {
  EXPECT_EQ(FeatureFor("region",
                       [](int row) { return "r" + std::to_string(row % 9) + "|x" + std::to_string(row % 9); })
                .kind,
            FeatureKind::kCategorical);
}

TEST_F(SchemaInferenceTest, LongTailsGetALogarithm) {
  const Feature feature = FeatureFor("spent", [](int row) { return std::to_string(1 << (row % 19)); });
  EXPECT_EQ(feature.transform, NumericTransform::kSignedLog1p);
  EXPECT_THAT(notices_, Contains(AllOf(HasSubstr("signed_log1p"), HasSubstr("spent"))));
  EXPECT_EQ(FeatureFor("age", [](int row) { return std::to_string(18 + row % 60); }).transform,
            NumericTransform::kIdentity);
  EXPECT_EQ(
      FeatureFor("rate", [](int row) { return row % 50 == 0 ? "0.9" : "0.0" + std::to_string(row % 7); })
          .transform,
      NumericTransform::kIdentity)
      << "a logarithm does nothing for numbers below 1";
}

TEST_F(SchemaInferenceTest, ColumnsThatSayNothingAreLeftOutWithANotice) {
  EXPECT_EQ(FeatureFor("version", [](int) { return "v1"; }).name, "");
  EXPECT_THAT(notices_, ElementsAre(AllOf(HasSubstr("'version'"), HasSubstr("same value"))));
  EXPECT_EQ(FeatureFor("empty", [](int) { return ""; }).name, "");
  EXPECT_THAT(notices_, ElementsAre(AllOf(HasSubstr("'empty'"), HasSubstr("always missing"))));
  EXPECT_EQ(FeatureFor("empty", [](int row) { return row % 2 == 0 ? "NA" : "null"; }).name, "");
}

TEST_F(SchemaInferenceTest, IdentifiersOfTheRowAreLeftOutWithANotice) {
  for (const CellOfRow& cell : std::vector<CellOfRow>{
           [](int row) { return "req-" + std::to_string(row); }, [](int row) { return std::to_string(row); },
           [](int row) { return std::to_string(row * 7919 % 100'003); }}) {
    EXPECT_EQ(FeatureFor("request", cell).name, "");
    EXPECT_THAT(notices_, ElementsAre(AllOf(HasSubstr("'request'"), HasSubstr("different in every row"))));
  }
  EXPECT_EQ(FeatureFor("score", [](int row) { return std::to_string(row * 7919 % 100'003) + ".5"; }).kind,
            FeatureKind::kNumeric)
      << "fractions may well all differ";
  EXPECT_EQ(FeatureFor(
                "cents", [](int row) { return std::to_string(row * 7919 % 100'003); }, 40)
                .name,
            "cents")
      << "a few amounts may well all differ";
}

TEST_F(SchemaInferenceTest, WhatOnlyRisesIsLeftOutWithANotice) {
  for (const CellOfRow& cell : std::vector<CellOfRow>{
           [](int row) { return std::to_string(row / 3); },                     // a counter
           [](int row) { return std::to_string(row * 0.37); },                  // seconds since the first
           [](int row) { return std::to_string(row == 1000 ? 0 : row / 9); }})  // one row came late
  {
    EXPECT_EQ(FeatureFor("elapsed", cell).name, "");
    EXPECT_THAT(notices_, ElementsAre(AllOf(HasSubstr("'elapsed'"), HasSubstr("only rises"))));
  }
  InferenceOptions options;
  options.in_time_order = false;
  const std::string sorted = Log("elapsed", [](int row) { return std::to_string(row / 3); });
  EXPECT_NE(Infer(sorted, options)->schema.Find("elapsed"), nullptr) << "a log that is sorted by it";
  EXPECT_EQ(FeatureFor("price", [](int row) { return std::to_string(row / 50) + ".5"; }).name, "price")
      << "the next rows will have the last ones', too";
  EXPECT_EQ(FeatureFor("wave", [](int row) { return std::to_string(row / 2 % 300); }).name, "wave");
}

TEST_F(SchemaInferenceTest, AValueThatComesWithTheOutcomeIsLeftOutWithANotice) {
  EXPECT_EQ(
      FeatureFor("spend", [](int row) { return row % 10 == 0 ? std::to_string(row % 83 + 1) : "0"; }).name,
      "");
  EXPECT_THAT(notices_,
              ElementsAre(AllOf(HasSubstr("'spend'"), HasSubstr("'click'"), HasSubstr("afterwards"))));
  EXPECT_EQ(
      FeatureFor("clicked_at", [](int row) { return row % 5 == 0 ? "t" + std::to_string(row % 500) : ""; })
          .name,
      "");
  EXPECT_EQ(
      FeatureFor("history", [](int row) { return row % 9 == 0 ? std::to_string(row % 83 + 1) : "0"; }).name,
      "history");
}

TEST_F(SchemaInferenceTest, OneValueAndGapsSayWhetherItIsThere) {
  EXPECT_EQ(FeatureFor("coupon", [](int row) { return row % 3 == 0 ? "5" : ""; }).kind,
            FeatureKind::kCategorical);
  EXPECT_EQ(FeatureFor("coupon", [](int row) { return row % 3 == 0 ? "5" : "NA"; }).kind,
            FeatureKind::kCategorical);
}

TEST_F(SchemaInferenceTest, LabelsAndIgnoredColumnsAreNoFeaturesAndContextIsMarked) {
  InferenceOptions options;
  options.ignore = {"weight"};
  options.context = {"hour"};
  const InferredSchema inferred =
      Infer(Log("hour", [](int row) { return std::to_string(row % 24); }), options).value();
  ASSERT_EQ(inferred.schema.features.size(), 1U);
  EXPECT_EQ(inferred.schema.features[0].name, "hour");
  EXPECT_EQ(inferred.schema.features[0].role, FeatureRole::kContext);
  EXPECT_THAT(inferred.notices, IsEmpty());
}

// Two columns of names, a list of them, and numbers.
std::string ColumnsToCross() {
  std::string text = "click,topic,likes,device,position,a:b\n";
  const auto topic = [](int i) { return "topic" + std::to_string(i % 9); };
  for (int row = 0; row < 900; ++row) {
    text += std::to_string(row % 5 == 0) + "," + topic(row) + "," + topic(row / 9) + "|" + topic(row / 5) +
            ",device" + std::to_string(row % 4) + "," + std::to_string(row % 97) + ".5,x" +
            std::to_string(row % 7) + "\n";
  }
  return text;
}

TEST_F(SchemaInferenceTest, AListIsMatchedWithTheColumnThatHasItsValues) {
  const InferredSchema inferred = Infer(directory_.File("log.csv", ColumnsToCross())).value();
  ASSERT_EQ(inferred.schema.crosses.size(), 1U);
  EXPECT_EQ(model::FeatureOf(inferred.schema, inferred.schema.crosses[0]).name, "match(likes,topic)");
  EXPECT_THAT(inferred.notices, Contains(HasSubstr("match(likes,topic)")));
}

TEST_F(SchemaInferenceTest, ColumnsThatSayMoreTogetherAreCrossed) {
  const std::string path = directory_.path() + "/generated.csv";
  ASSERT_TRUE(Generate({.out = path, .rows = 30'000}, nullptr).ok());
  InferenceOptions options;
  options.labels = ParseLabels("click,conversion").value();
  // A section's taste in categories and what a format gains on a device, which the world is made of, and
  // nothing that it is not.
  const auto crosses = [&] {
    std::vector<std::string> names;
    const InferredSchema inferred = Infer(path, options).value();
    for (const model::Cross& cross : inferred.schema.crosses) {
      names.push_back(model::FeatureOf(inferred.schema, cross).name);
    }
    return names;
  };
  EXPECT_THAT(crosses(),
              ElementsAre("match(interests,category)", "cross(section,category)", "cross(device,format)"));
  options.crosses = {{model::CrossKind::kProduct, "category:section"}};
  EXPECT_THAT(crosses(),
              ElementsAre("cross(category,section)", "match(interests,category)", "cross(device,format)"));
  options.crosses = {};
  options.crossed_rows = 1000;
  EXPECT_THAT(crosses(), ElementsAre("match(interests,category)"));
}

TEST_F(SchemaInferenceTest, CrossesThatAreAskedForAreMadeOnce) {
  InferenceOptions options;
  options.crosses = {{model::CrossKind::kProduct, "topic:position"},
                     {model::CrossKind::kProduct, "device:a:b"},
                     {model::CrossKind::kMatch, "topic:likes"}};
  const InferredSchema inferred = Infer(directory_.File("log.csv", ColumnsToCross()), options).value();
  std::vector<std::string> names;
  for (const model::Cross& cross : inferred.schema.crosses) {
    names.push_back(model::FeatureOf(inferred.schema, cross).name);
  }
  EXPECT_THAT(names, ElementsAre("cross(topic,position)", "cross(device,a:b)", "match(topic,likes)"));
}

TEST_F(SchemaInferenceTest, CrossesThatCanNotBeAreRefused) {
  const std::string path = directory_.File("log.csv", ColumnsToCross());
  const auto refusal = [&](model::CrossKind kind, const std::string& features) {
    InferenceOptions options;
    options.crosses = {{kind, features}};
    const absl::Status status = Infer(path, options).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << features;
    return std::string(status.message());
  };
  using enum model::CrossKind;
  EXPECT_THAT(refusal(kProduct, "topic"), AllOf(HasSubstr("--cross 'topic'"), HasSubstr("topic, likes")));
  EXPECT_THAT(refusal(kProduct, "topic:nothing"), HasSubstr("is not two features"));
  EXPECT_THAT(refusal(kProduct, "topic:click"), HasSubstr("is not two features")) << "a label is none";
  EXPECT_THAT(refusal(kMatch, "topic:position"), AllOf(HasSubstr("--match"), HasSubstr("a number")));
  EXPECT_THAT(refusal(kProduct, "topic:topic"), HasSubstr("two different"));
}

TEST_F(SchemaInferenceTest, NamesThatAreNotInTheFileAreRefused) {
  const std::string path = Log("hour", [](int row) { return std::to_string(row % 24); });
  InferenceOptions options;
  options.ignore = {"wait"};
  EXPECT_THAT(Infer(path, options).status().message(),
              AllOf(HasSubstr("--ignore 'wait'"), HasSubstr("weight, hour")));
  options = {};
  options.context = {"our"};
  EXPECT_THAT(Infer(path, options).status().message(), HasSubstr("--context 'our'"));
  options.context = {"click"};
  EXPECT_THAT(Infer(path, options).status().message(), HasSubstr("also a label"));
  options = {};
  options.labels = ParseLabels("clicks").value();
  EXPECT_THAT(Infer(path, options).status().message(), HasSubstr("label 'clicks'"));
}

TEST_F(SchemaInferenceTest, AFileWithNothingToLearnFromIsRefused) {
  EXPECT_THAT(Infer(directory_.File("a.csv", "click,x\n")).status().message(), HasSubstr("no rows"));
  EXPECT_THAT(Infer(directory_.File("a.csv", "click\n1\n0\n")).status().message(),
              HasSubstr("no column left"));
  EXPECT_THAT(Infer(directory_.File("a.csv", "click,x\n1,5\n0,5\n")).status().message(),
              HasSubstr("'x' is left out"));
}

TEST_F(SchemaInferenceTest, OnlyTheSampleIsLookedAtAndTheNoticeSaysSo) {
  InferenceOptions options;
  options.sample_rows = 100;
  const InferredSchema inferred =
      Infer(Log("late", [](int row) { return row < 100 ? "a" : std::to_string(row); }), options).value();
  EXPECT_THAT(inferred.notices,
              ElementsAre(AllOf(HasSubstr("'late'"), HasSubstr("in the 100 rows looked at"))));
}

TEST_F(SchemaInferenceTest, HeldOutRowsAreNotLookedAt) {
  InferenceOptions options;
  for (uint32_t row = 3; row < kRows; row += 5) options.held_out.push_back(row);
  const std::string log = Log("x", [](int row) { return row % 5 == 3 ? std::to_string(row) : "a"; });
  const std::vector<std::string> notices = Infer(log, options).value().notices;
  EXPECT_THAT(notices, Contains(AllOf(HasSubstr("'x' is left out: it has the same value"),
                                      HasSubstr("in the 1600 rows looked at"))));
}

TEST_F(SchemaInferenceTest, GeneratedLogsGiveTheFeaturesThatTheyWereMadeOf) {
  const std::string path = directory_.path() + "/generated.csv";
  ASSERT_TRUE(Generate({.out = path, .rows = 5000}, nullptr).ok());
  InferenceOptions options;
  options.labels = ParseLabels("click,conversion").value();
  options.context = {kGeneratedContext.begin(), kGeneratedContext.end()};
  const InferredSchema inferred = Infer(path, options).value();
  EXPECT_EQ(inferred.schema.features.size(), kGeneratedContext.size() + kGeneratedAd.size());
  EXPECT_EQ(inferred.schema.Find("interests")->kind, FeatureKind::kMultiCategorical);
  EXPECT_EQ(inferred.schema.Find("country")->kind, FeatureKind::kCategorical);
  EXPECT_EQ(inferred.schema.Find("price")->transform, NumericTransform::kSignedLog1p);
  EXPECT_EQ(inferred.schema.Find("site")->role, FeatureRole::kContext);
  ASSERT_EQ(inferred.schema.crosses.size(), 1U);
  EXPECT_EQ(model::FeatureOf(inferred.schema, inferred.schema.crosses[0]).name, "match(interests,category)");
  EXPECT_THAT(inferred.notices, Contains(HasSubstr("have values in common")));
  for (const std::string_view truth : kGeneratedTruths) {
    EXPECT_EQ(inferred.schema.Find(truth), nullptr);
    EXPECT_THAT(inferred.notices, Contains(HasSubstr(std::string(truth))));
  }
}

TEST_F(SchemaInferenceTest, CriteoColumnsAreWhatTheirNamesSay) {
  std::string text;
  for (int row = 0; row < 200; ++row) {
    text += std::to_string(row % 4 == 0);
    for (int i = 1; i <= 13; ++i) text += "\t" + std::to_string(row * i % (i + 2));
    for (int i = 1; i <= 26; ++i) text += "\t" + std::to_string(10'000 + row * i % (i + 30));
    text += "\n";
  }
  InferenceOptions options;
  options.labels = ParseLabels("label").value();
  const InferredSchema inferred = Infer(directory_.File("log.tsv", text), options).value();
  ASSERT_EQ(inferred.schema.features.size(), 39U);
  for (const Feature& feature : inferred.schema.features) {
    EXPECT_EQ(feature.kind, feature.name[0] == 'I' ? FeatureKind::kNumeric : FeatureKind::kCategorical)
        << feature.name;
  }
}

TEST(Skewness, OfKnownDistributions) {
  EXPECT_EQ(Skewness({}), 0);
  EXPECT_EQ(Skewness({3, 3, 3}), 0);
  EXPECT_NEAR(Skewness({-1, 0, 1}), 0, 1e-12);
  Random random(1);
  std::vector<float> exponential;
  for (int i = 0; i < 200'000; ++i)
    exponential.push_back(static_cast<float>(-std::log(1 - random.Uniform())));
  EXPECT_NEAR(Skewness(exponential), 2, 0.1);
  std::vector<float> lognormal;
  for (int i = 0; i < 100'000; ++i)
    lognormal.push_back(static_cast<float>(std::expm1(std::abs(random.Normal()) + 5)));
  EXPECT_NEAR(SkewnessOfSignedLog(lognormal), 0.995, 0.05) << "the half-normal distribution's";
}

}  // namespace
}  // namespace adscore::trainer

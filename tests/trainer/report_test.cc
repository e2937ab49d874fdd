#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/trainer/cli_fixture.h"
#include "tests/trainer/test_data.h"
#include "trainer/feature_importance.h"
#include "trainer/fit.h"
#include "trainer/report/chart.h"
#include "trainer/report/curves.h"
#include "trainer/report/html.h"
#include "trainer/report/page.h"
#include "trainer/report/tables.h"

namespace adscore::trainer::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// What is wrong with the nesting of tags, or "": enough of a parser for pages of our own, which quote every
// attribute.
std::string BadNesting(std::string_view html) {
  const std::set<std::string_view> empty = {"meta", "!DOCTYPE"};
  std::vector<std::string> open;
  while (!html.empty()) {
    const size_t begin = html.find('<');
    if (begin == std::string_view::npos) break;
    html.remove_prefix(begin + 1);
    const bool closing = html.front() == '/';
    if (closing) html.remove_prefix(1);
    const std::string name(html.substr(0, html.find_first_of(" />\n")));
    bool quoted = false;
    size_t end = 0;
    while (end < html.size() && (quoted || html[end] != '>')) quoted ^= html[end++] == '"';
    if (end == html.size()) return "<" + name + " has no end";
    const bool alone = html[end - 1] == '/';
    html.remove_prefix(end + 1);
    if (closing) {
      if (open.empty() || open.back() != name)
        return "</" + name + "> closes " + (open.empty() ? "" : open.back());
      open.pop_back();
    } else if (!alone && !empty.contains(name)) {
      open.push_back(name);
      if (name == "style" || name == "script") html.remove_prefix(html.find("</" + name));
    }
  }
  return open.empty() ? "" : "<" + open.back() + "> is never closed";
}

TEST(Html, TextFromDataStaysText) {
  EXPECT_EQ(Escape("<b a=\"1\" c='2'>&"), "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;");
  EXPECT_EQ(Escape("caf\xc3\xa9"), "caf\xc3\xa9");
  EXPECT_EQ(Escape("caf\xe9!"), "caf\xef\xbf\xbd!");
  EXPECT_EQ(Escape(std::string_view("a\0b\x1b", 4)),
            "a\xef\xbf\xbd"
            "b\xef\xbf\xbd");
  EXPECT_EQ(Escape("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd") << "half a surrogate pair";
}

TEST(Html, NumbersForPeople) {
  EXPECT_EQ(Count(0), "0");
  EXPECT_EQ(Count(999), "999");
  EXPECT_EQ(Count(1234567), "1,234,567");
  EXPECT_EQ(Percent(0.2261), "22.6%");
  EXPECT_EQ(Percent(0.00012), "0.0120%");
}

TEST(Chart, TicksAreRoundNumbersWithinTheAxis) {
  EXPECT_THAT(Ticks(0, 1), ElementsAre(0, 0.2, 0.4, testing::DoubleNear(0.6, 1e-12), 0.8, 1));
  EXPECT_THAT(Ticks(0.43, 0.57).size(), testing::AllOf(testing::Ge(3U), testing::Le(7U)));
  EXPECT_THAT(Ticks(2, 2), ElementsAre(2));
}

TEST(Curves, RocAndPrecisionRecallByHand) {
  const std::vector<float> probabilities = {0.9F, 0.8F, 0.7F, 0.1F};
  const std::vector<uint8_t> labels = {1, 0, 1, 0};
  const RankCurves curves = ComputeRankCurves(probabilities, labels);
  ASSERT_EQ(curves.roc.size(), 5U);
  EXPECT_EQ(curves.roc[1].y, 0.5);
  EXPECT_EQ(curves.roc[2].x, 0.5);
  EXPECT_NEAR(curves.precision_recall[2].y, 2.0 / 3, 1e-12);
  EXPECT_EQ(curves.roc.back().x, 1);
  EXPECT_EQ(curves.roc.back().y, 1);
}

TEST(Curves, AMillionRowsAreAFewHundredPoints) {
  std::vector<float> probabilities;
  std::vector<uint8_t> labels;
  for (int i = 0; i < 100'000; ++i) {
    probabilities.push_back(static_cast<float>(i) / 100'000);
    labels.push_back(i % 3 == 0);
  }
  EXPECT_LT(ComputeRankCurves(probabilities, labels).roc.size(), 300U);
}

TEST(Curves, WilsonIntervalsHoldForFewPositives) {
  EXPECT_EQ(WilsonInterval(0, 100).low, 0);
  EXPECT_NEAR(WilsonInterval(0, 100).high, 0.037, 0.001);
  EXPECT_NEAR(WilsonInterval(50, 100).low, 0.4038, 0.001);
}

TEST(Curves, ReliabilityBinsHoldAllRows) {
  const std::vector<float> probabilities = {0.1F, 0.2F, 0.3F, 0.8F, 0.9F};
  const std::vector<uint8_t> labels = {0, 0, 1, 1, 1};
  const std::vector<ReliabilityBin> bins = ComputeReliability(probabilities, labels, 2);
  ASSERT_EQ(bins.size(), 2U);
  EXPECT_LT(bins[0].predicted, bins[1].predicted);
  EXPECT_EQ(bins[0].rows + bins[1].rows, 5U);
  EXPECT_EQ(bins[0].positives + bins[1].positives, 3U);
}

TEST(Importance, AFeatureThatSaysNothingHasNone) {
  const Dataset data = SmallDataset(6000, 21);
  FitOptions options;
  options.labels = {{"click", ""}, {"conversion", ""}};
  options.training.hidden = {16};
  options.training.epochs = 3;
  const FittedModel fitted = FitModel(data, options, [](const TrainingProgress&) {}).value();
  const model::Model model(fitted.model->snapshot(),
                           *model::AvailableKernelSets(model::Precision::kF32).front());
  const std::vector<FeatureImportance> one = PermutationImportance(model, data, AllRows(data), 1).value();
  ASSERT_EQ(one.size(), 4U);
  EXPECT_THAT((std::set<size_t>{one[0].feature, one[1].feature}), ElementsAre(0, 2)) << "amount and ad";
  EXPECT_GT(one[1].increase[0], 0.02);
  EXPECT_LT(std::abs(one[3].increase[0]), 0.01);
  EXPECT_EQ(PermutationImportance(model, data, AllRows(data), 3).value()[0].increase, one[0].increase);
  EXPECT_EQ(fitted.history.back().epochs, fitted.epochs);
}

TEST(Page, WhateverIsInTheDataIsEscapedAndTheTagsNest) {
  const std::string evil = "</td><script>alert(\"x\")</script>&'\xff";
  Content content;
  content.title = evil;
  content.measured = evil;
  content.schema.features = {model::Feature{evil}};
  content.heads = {{evil, {evil, ""}, 0.5, {}}};
  content.rows = {{{0.1F, 0.4F, 0.8F, 0.9F}, {0, 1, 0, 1}}};
  content.figures = {ComputeFigures(content.rows[0].probabilities, content.rows[0].labels)};
  content.importance = {{0, {0.1}}};
  content.columns.resize(1);
  content.slices = {{evil, {{evil, content.figures}}}};
  content.notices = {evil};
  content.history = {{0.25, 0.5, 0.6}, {0.5, 0.4, 0.55}};
  content.provenance = {{evil, evil}};
  HeadVerdict verdict;
  verdict.head = verdict.summary = evil;
  verdict.details = {evil};
  content.verdicts = {verdict};
  content.comparison = SnapshotComparison{evil, evil, {{evil, {}, evil}}};
  content.progressive = ProgressiveResult{{{5, 2, content.figures}}, content.figures};
  const std::string page = Page(content);
  EXPECT_THAT(page, Not(HasSubstr("alert(\"")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(&quot;x&quot;)"));
  EXPECT_EQ(BadNesting(page), "");
  EXPECT_EQ(BadNesting(Page(Content())), "");
}

TEST(Page, ASampleIsSaidToBeOne) {
  Content content;
  content.schema.features = {model::Feature{"age"}};
  content.importance = {{0, {}}};
  content.columns.resize(1);
  EXPECT_THAT(Page(content), Not(HasSubstr("at random")));
  content.shuffled_rows = 20'000;
  content.described_rows = 499'123;
  EXPECT_THAT(Page(content), HasSubstr("Measured on 20,000 of the rows"));
  EXPECT_THAT(Page(content), HasSubstr("Each feature in 499,123 rows, drawn at random"));
}

TEST_F(CliTest, FitAndEvaluateWriteAReportThatNeedsNothingElse) {
  const std::string data = Generated(3000);
  const std::string report = directory_.path() + "/fit.html";
  const Outcome fit = RunCommand(Fit(data, {"--epochs", "1", "--report", report, "--progressive", "1"}));
  ASSERT_EQ(fit.code, 0) << fit.err;
  EXPECT_THAT(fit.out, HasSubstr(report));
  const std::string page = ReadFile(report);
  EXPECT_EQ(BadNesting(page), "");
  for (const char* part : {"Verdict", "Figures", "ROC", "Reliability", "Loss by epoch", "leans on", "Columns",
                           "Slices", "Progressive", "Provenance", "prefers-color-scheme"}) {
    EXPECT_THAT(page, HasSubstr(part));
  }
  EXPECT_THAT(page, Not(HasSubstr("http")));
  EXPECT_THAT(page, Not(HasSubstr(">nan")));
  EXPECT_THAT(page, Not(HasSubstr("nan ")));

  const std::string second = directory_.path() + "/evaluate.html";
  const Outcome evaluate =
      RunCommand(Evaluate(data, {"--report", second, "--slice", "site", "--compare", "1", "--json"}));
  ASSERT_EQ(evaluate.code, 0) << evaluate.err;
  EXPECT_EQ(BadNesting(ReadFile(second)), "");
  EXPECT_THAT(ReadFile(second), HasSubstr("click by site"));
  EXPECT_THAT(ReadFile(second), HasSubstr("Comparison"));
}

TEST_F(CliTest, AReportThatCanNotBeWrittenIsSaidBeforeTheWork) {
  const std::string data = TinyLog("1", "0");
  ExpectFailure(RunCommand(Fit(data, {"--report", directory_.path() + "/none/r.html"})), {"none/r.html"});
  ExpectFailure(RunCommand(Fit(data, {"--report", data})), {"--report", "another file"});
  EXPECT_FALSE(std::filesystem::exists(directory_.path() + "/M"));
  ASSERT_EQ(RunCommand(Fit(data, {"--epochs", "1"})).code, 0);
  ExpectFailure(RunCommand(Evaluate(data, {"--report", data})), {"--report", "another file"});
  const std::string both = directory_.path() + "/both";
  ExpectFailure(RunCommand(Evaluate(data, {"--report", both, "--predictions", both})),
                {"--report", "--predictions"});
  ExpectFailure(RunCommand(Evaluate(directory_.File("u.csv", "x\n1.5\n2\n"), {"--report", both})),
                {"--report", "'click'"});
  EXPECT_FALSE(std::filesystem::exists(both));
}

}  // namespace
}  // namespace adscore::trainer::report

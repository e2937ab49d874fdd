#include "trainer/generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xxhash.h>

#include <cmath>
#include <filesystem>
#include <set>
#include <string>

#include "data/cell.h"
#include "data/table_reader.h"
#include "tests/trainer/test_data.h"
#include "trainer/columns.h"
#include "trainer/portable_exp.h"
#include "trainer/synthetic_world.h"

namespace adscore::trainer {
namespace {

using testing::HasSubstr;

TEST(Generator, TheSameSeedGivesTheSameBytesOnEveryMachine) {
  const TestDirectory directory;
  const std::string path = directory.path() + "/a.csv";
  ASSERT_TRUE(Generate({.out = path, .rows = 1000, .seed = 7}, nullptr).ok());
  const std::string text = ReadFile(path);
  // What g++ and clang++ give alike, optimised or not. A change of the world changes it, and nothing else
  // may.
  EXPECT_EQ(XXH3_64bits(text.data(), text.size()), 0xb3e669829cbb9b72ULL);
  ASSERT_TRUE(Generate({.out = path, .rows = 1000, .seed = 8}, nullptr).ok());
  EXPECT_NE(ReadFile(path), text);
}

TEST(Generator, TheNumberOfThreadsChangesNothing) {
  const TestDirectory directory;
  const std::string one = directory.path() + "/one.csv";
  const std::string three = directory.path() + "/three.csv";
  const GeneratorFigures a = Generate({.out = one, .rows = 20'000, .seed = 7}, nullptr).value();
  const GeneratorFigures b =
      Generate({.out = three, .rows = 20'000, .seed = 7, .threads = 3}, nullptr).value();
  EXPECT_TRUE(ReadFile(one) == ReadFile(three));
  EXPECT_EQ(a.click_log_loss, b.click_log_loss);
  EXPECT_EQ(a.conversions, b.conversions);
}

TEST(Generator, FewerRowsAreTheBeginningOfMore) {
  const TestDirectory directory;
  ASSERT_TRUE(Generate({.out = directory.path() + "/few.csv", .rows = 10}, nullptr).ok());
  ASSERT_TRUE(Generate({.out = directory.path() + "/more.csv", .rows = 100}, nullptr).ok());
  EXPECT_TRUE(ReadFile(directory.path() + "/more.csv").starts_with(ReadFile(directory.path() + "/few.csv")));
}

TEST(Generator, AGzipNameGivesGzipOfTheSameText) {
  const TestDirectory directory;
  const std::string plain = directory.path() + "/a.csv";
  const std::string packed = directory.path() + "/a.csv.gz";
  ASSERT_TRUE(Generate({.out = plain, .rows = 5000}, nullptr).ok());
  ASSERT_TRUE(Generate({.out = packed, .rows = 5000}, nullptr).ok());
  EXPECT_LT(std::filesystem::file_size(packed), std::filesystem::file_size(plain) / 2);
  const auto one = data::TableReader::Open(plain, data::Format::kCsv).value();
  const auto other = data::TableReader::Open(packed, data::Format::kCsv).value();
  EXPECT_EQ(one->columns(), other->columns());
  std::vector<std::string_view> a;
  std::vector<std::string_view> b;
  size_t rows = 0;
  for (; one->Next(&a).value() && other->Next(&b).value(); ++rows) ASSERT_EQ(a, b);
  EXPECT_EQ(rows, 5000U);
}

TEST(Generator, LabelsHappenAsOftenAsTheirTrueProbabilitiesSay) {
  const TestDirectory directory;
  const std::string path = directory.path() + "/a.csv";
  const uint64_t rows = 50'000;
  const GeneratorFigures figures = Generate({.out = path, .rows = rows}, nullptr).value();
  const auto reader = data::TableReader::Open(path, data::Format::kCsv).value();
  const size_t click = *FindColumn(reader->columns(), "click");
  const size_t conversion = *FindColumn(reader->columns(), "conversion");
  const size_t true_click = *FindColumn(reader->columns(), "true_click");
  const size_t true_conversion = *FindColumn(reader->columns(), "true_conversion");
  std::vector<std::string_view> cells;
  double clicks = 0;
  double conversions = 0;
  double expected_clicks = 0;
  double expected_conversions = 0;
  double variance = 0;
  while (reader->Next(&cells).value()) {
    const double p = *data::ParseNumber(cells[true_click]);
    ASSERT_GT(p, 0);
    ASSERT_LT(p, 1);
    clicks += cells[click] == "1" ? 1 : 0;
    conversions += cells[conversion] == "1" ? 1 : 0;
    ASSERT_FALSE(cells[conversion] == "1" && cells[click] == "0") << "a conversion needs a click";
    expected_clicks += p;
    expected_conversions += *data::ParseNumber(cells[true_conversion]);
    variance += p * (1 - p);
  }
  EXPECT_NEAR(clicks, expected_clicks, 4 * std::sqrt(variance));
  EXPECT_NEAR(conversions, expected_conversions, 4 * std::sqrt(expected_conversions));
  EXPECT_GT(clicks / static_cast<double>(rows), 0.10);
  EXPECT_LT(clicks / static_cast<double>(rows), 0.20);
  EXPECT_GT(conversions / clicks, 0.05);
  EXPECT_LT(conversions / clicks, 0.15);
  EXPECT_EQ(figures.rows, rows);
  EXPECT_EQ(static_cast<double>(figures.clicks), clicks);
  EXPECT_EQ(static_cast<double>(figures.conversions), conversions);
  const double share = clicks / static_cast<double>(rows);
  const double entropy = -share * std::log(share) - (1 - share) * std::log(1 - share);
  EXPECT_LT(figures.click_log_loss, 0.85 * entropy) << "there is something to learn";
}

TEST(Generator, TheWorldStaysTheSameFromSeedToSeed) {
  const SyntheticWorld world;
  EXPECT_EQ(world.site(0), SyntheticWorld().site(0));
  EXPECT_EQ(world.category_of(5), SyntheticWorld().category_of(5));
}

TEST(Generator, CategoriesAreCommonAndRare) {
  const SyntheticWorld world;
  std::vector<int> sites(3000);
  std::set<uint32_t> creatives;
  for (uint64_t row = 0; row < 50'000; ++row) {
    const SyntheticImpression impression = world.Draw(3, row);
    ++sites[impression.site];
    creatives.insert(impression.creative);
    ASSERT_GE(impression.position, 1U);
    ASSERT_LE(impression.position, kMaxPosition);
  }
  EXPECT_GT(sites[0], 500);
  EXPECT_LT(sites[2999], 20);
  EXPECT_GT(creatives.size(), 2000U);
}

TEST(Generator, WhatCanNotBeWrittenSaysWhyAndLeavesNothing) {
  const TestDirectory directory;
  const absl::Status absent = Generate({.out = directory.path() + "/no/a.csv", .rows = 1}, nullptr).status();
  EXPECT_EQ(absent.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(absent.message()), HasSubstr("/no/a.csv"));
  EXPECT_FALSE(Generate({.out = directory.path(), .rows = 1}, nullptr).ok());
  EXPECT_FALSE(Generate({.out = directory.path() + "/a.csv", .rows = 0}, nullptr).ok());
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(WeightedChoice, DrawsInProportion) {
  const WeightedChoice choice({1, 0, 3});
  Random random(1);
  std::vector<int> drawn(3);
  for (int i = 0; i < 40'000; ++i) ++drawn[choice.Draw(&random)];
  EXPECT_NEAR(drawn[0], 10'000, 400);
  EXPECT_EQ(drawn[1], 0);
  EXPECT_NEAR(drawn[2], 30'000, 400);
}

TEST(PortableExp, AgreesWithTheLibraryToItsLastBits) {
  for (double x = -600; x < 600; x += 0.37) EXPECT_NEAR(PortableExp(x) / std::exp(x), 1, 1e-15) << x;
  EXPECT_EQ(PortableExp(0), 1);
  EXPECT_EQ(PortableSigmoid(0), 0.5);
}

}  // namespace
}  // namespace adscore::trainer

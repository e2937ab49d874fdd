// Which pairs of columns are crossed without being asked for.
#include "trainer/pair_selection.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "trainer/random.h"

namespace adscore::trainer {
namespace {

constexpr size_t kRows = 40'000;
constexpr uint64_t kValues = 6;

// Columns 0 to 3 have six values each, all of them independent; a positive's log-odds are a function of them.
CodedRows Draw(const std::function<double(const std::vector<uint64_t>&)>& log_odds, uint64_t seed = 1) {
  CodedRows data;
  data.rows = kRows;
  data.columns.resize(4);
  data.labels.resize(1);
  Random random(seed);
  for (size_t row = 0; row < kRows; ++row) {
    std::vector<uint64_t> values;
    for (std::vector<uint16_t>& column : data.columns) {
      values.push_back(random.Below(kValues));
      column.push_back(CodeOf("value" + std::to_string(values.back())));
    }
    data.labels[0].push_back(random.Uniform() < 1 / (1 + std::exp(-log_odds(values))) ? 1 : 0);
  }
  return data;
}

constexpr size_t kAll[] = {0, 1, 2, 3};

TEST(PairSelection, TwoColumnsThatSayMoreTogetherAreFound) {
  const CodedRows data = Draw([](const std::vector<uint64_t>& v) { return v[1] == v[3] ? -1.0 : -1.8; });
  const std::vector<SelectedPair> pairs = SelectPairs(data, kAll);
  ASSERT_EQ(pairs.size(), 1U);
  EXPECT_EQ(pairs[0].first, 1U);
  EXPECT_EQ(pairs[0].second, 3U);
  EXPECT_EQ(pairs[0].label, 0U);
  // What knowing the pair saves: the entropy of the base rate less that of the two rates.
  const auto rate = [](double log_odds) { return 1 / (1 + std::exp(-log_odds)); };
  const auto entropy = [](double p) { return -p * std::log(p) - (1 - p) * std::log(1 - p); };
  const double base = (rate(-1) + 5 * rate(-1.8)) / 6;
  const double saved = 1 - (entropy(rate(-1)) + 5 * entropy(rate(-1.8))) / 6 / entropy(base);
  EXPECT_NEAR(pairs[0].gain, saved, saved / 3);
}

TEST(PairSelection, WhatColumnsSayApartIsNoPair) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const CodedRows data = Draw(
        [](const std::vector<uint64_t>& v) { return 0.5 * static_cast<double>(v[0]) - (v[2] < 2 ? 3 : 2); },
        seed);
    EXPECT_TRUE(SelectPairs(data, kAll).empty()) << seed;
  }
}

TEST(PairSelection, ASecondPairIsFoundAndTheSameThingTwiceIsNot) {
  CodedRows data = Draw([](const std::vector<uint64_t>& v) {
    return (v[0] == v[1] ? 1.0 : -1.0) + ((v[2] + v[3]) % 2 == 0 ? 0.5 : -0.5);
  });
  data.columns.push_back(data.columns[0]);  // says what the first one says
  const size_t candidates[] = {0, 1, 2, 3, 4};
  const std::vector<SelectedPair> pairs = SelectPairs(data, candidates);
  ASSERT_EQ(pairs.size(), 2U);
  EXPECT_GT(pairs[0].gain, pairs[1].gain);
  const auto is = [](const SelectedPair& pair, size_t first, size_t second) {
    return pair.first == first && pair.second == second;
  };
  EXPECT_TRUE(is(pairs[0], 2, 3) || is(pairs[1], 2, 3));
  EXPECT_TRUE(is(pairs[0], 0, 1) || is(pairs[0], 1, 4) || is(pairs[1], 0, 1) || is(pairs[1], 1, 4));
}

TEST(PairSelection, OnlyCandidatesOfFewValuesAreLookedAt) {
  CodedRows data = Draw([](const std::vector<uint64_t>& v) { return v[1] == v[3] ? 0.0 : -2.0; });
  const size_t others[] = {0, 1, 2};
  EXPECT_TRUE(SelectPairs(data, others).empty());
  // The same with so many values that a cell has few rows.
  for (size_t row = 0; row < kRows; ++row) data.columns[3][row] ^= static_cast<uint16_t>(row % 200 << 8);
  EXPECT_TRUE(SelectPairs(data, kAll).empty());
}

TEST(PairSelection, WithoutRowsOrColumnsThereIsNone) {
  EXPECT_TRUE(SelectPairs({}, {}).empty());
  const CodedRows data = Draw([](const std::vector<uint64_t>&) { return 0.0; });
  EXPECT_TRUE(SelectPairs(data, {}).empty());
}

TEST(PairSelection, AnEmptyCellHasACodeOfItsOwn) {
  EXPECT_EQ(CodeOf(""), 0);
  EXPECT_NE(CodeOf("a"), 0);
  EXPECT_NE(CodeOf("a"), CodeOf("b"));
}

}  // namespace
}  // namespace adscore::trainer

#include "trainer/half_product.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>
#include <vector>

#include "trainer/sparse_product.h"

namespace adscore::trainer {
namespace {

class HalfProductTest : public testing::Test {
 protected:
  void SetUp() override {
    if (halves_ == nullptr) GTEST_SKIP() << "this processor does not multiply in half precision";
  }

  std::vector<HalfPair> Pairs(const std::vector<float>& x) const {
    std::vector<HalfPair> pairs(x.size());
    halves_->to_pairs(x.data(), 1, x.size(), pairs.data());
    return pairs;
  }
  std::vector<Half> Halves(const std::vector<float>& x, size_t columns) const {
    std::vector<Half> halves(x.size() / columns * HalfStride(columns), 0xFFFF);
    halves_->to_halves(x.data(), 1, x.size() / columns, columns, halves.data());
    return halves;
  }

  // Multiplies numbers of a shape in every way there is, and compares with f32.
  void ExpectToBeAlmostExact(size_t rows, size_t depth, size_t columns) {
    std::mt19937 random(static_cast<uint32_t>(rows + depth + columns));
    std::normal_distribution<float> normal;
    std::vector<float> x(rows * depth);
    std::vector<float> w(depth * columns);
    std::vector<float> bias(columns);
    for (float& value : x) value = std::max(0.0F, normal(random));
    for (float& value : w) value = 0.1F * normal(random);
    for (float& value : bias) value = normal(random);
    std::vector<uint64_t> by_row((rows + kActiveBits) * ActiveWords(depth));
    std::vector<uint64_t> by_column(depth);
    for (size_t r = 0; r < rows; r += kActiveBits) {
      FindActive(x.data() + r * depth, std::min(kActiveBits, rows - r), depth,
                 by_row.data() + r * ActiveWords(depth), by_column.data());
    }
    const std::vector<HalfPair> pairs = Pairs(x);
    const std::vector<Half> halves = Halves(w, columns);
    std::vector<float> exact(rows * columns);
    std::vector<float> y(rows * columns, NAN);
    Multiply({.rows = rows,
              .depth = depth,
              .columns = columns,
              .x = x.data(),
              .x_row_stride = depth,
              .w = w.data(),
              .w_stride = columns,
              .first = bias.data(),
              .y = exact.data(),
              .y_stride = columns});
    HalfProduct product{{.rows = rows,
                         .depth = depth,
                         .columns = columns,
                         .x = pairs.data(),
                         .x_row_stride = depth,
                         .w = halves.data(),
                         .w_stride = HalfStride(columns),
                         .first = bias.data(),
                         .y = y.data(),
                         .y_stride = columns}};
    const auto expect = [&](auto expected) {
      ASSERT_TRUE(halves_->multiply(product));
      const double size = std::sqrt(static_cast<double>(depth)) * 0.1;
      for (size_t r = 0; r < rows; ++r) {
        for (size_t c = 0; c < columns; ++c) {
          EXPECT_NEAR(y[r * columns + c], expected(exact[r * columns + c], bias[c]), 0.006 * size)
              << r << ", " << c;
        }
      }
    };
    expect([](float sum, float /*bias*/) { return sum; });
    product.relu = true;
    expect([](float sum, float /*bias*/) { return std::max(sum, 0.0F); });
    product.relu = false;
    product.active = {by_row.data(), ActiveWords(depth)};
    expect([](float sum, float /*bias*/) { return sum; });
    product.scale = 0.25F;
    expect([](float sum, float first) { return 0.25F * (sum - first) + first; });
    product.first = nullptr;
    expect([](float sum, float first) { return 0.25F * (sum - first); });
    product.first = y.data();
    product.first_stride = columns;
    expect([](float sum, float first) { return 0.5F * (sum - first); });
    if (depth > kHalfDepth) return;
    std::vector<Half> sums(rows * HalfStride(columns), 0xFFFF);
    product.sums = sums.data();
    ASSERT_TRUE(halves_->multiply(product));
    product.sums = nullptr;
    product.scale = 1;
    product.first = nullptr;
    ASSERT_TRUE(halves_->multiply(product));
    for (size_t r = 0; r < rows; ++r) EXPECT_EQ(Rounded(sums, r, columns), Floats(y, r, columns)) << r;
  }

  // A row of a matrix, rounded to halves, as floats.
  std::vector<float> Rounded(const std::vector<Half>& halves, size_t row, size_t columns) const {
    const std::vector<uint32_t> begin = {0, 1};
    const WeightedRow once{static_cast<uint32_t>(row), 1};
    std::vector<float> floats(columns);
    EXPECT_TRUE(halves_->sum_rows({.lists = {begin, &once},
                                   .values = halves.data(),
                                   .values_stride = HalfStride(columns),
                                   .columns = columns,
                                   .to = floats.data(),
                                   .to_stride = columns}));
    return floats;
  }
  std::vector<float> Floats(const std::vector<float>& y, size_t row, size_t columns) const {
    const std::vector<float> floats(y.data() + row * columns, y.data() + (row + 1) * columns);
    return Rounded(Halves(floats, columns), 0, columns);
  }

  const HalfKernels* const halves_ = FindHalfKernels();
};

// Fewer rows than are multiplied together and more, whole vectors and none, sums in one go and in several.
TEST_F(HalfProductTest, IsAlmostExact) {
  ExpectToBeAlmostExact(1, 3, 1);
  ExpectToBeAlmostExact(4, 64, 16);
  ExpectToBeAlmostExact(23, 300, 400);
  ExpectToBeAlmostExact(67, 130, 161);
  ExpectToBeAlmostExact(6, 1100, 70);
}

TEST_F(HalfProductTest, TransposesHalves) {
  for (const auto& [rows, columns] : {std::pair<size_t, size_t>{16, 32}, {21, 45}, {3, 5}}) {
    std::vector<float> x(rows * columns);
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
    const std::vector<Half> halves = Halves(x, columns);
    constexpr Half kUntouched = 0xABCD;
    const size_t stride = rows + 2;
    std::vector<Half> transposed(columns * stride, kUntouched);
    halves_->transpose(halves.data(), HalfStride(columns), rows, columns, transposed.data(), stride);
    for (size_t c = 0; c < columns; ++c) {
      for (size_t r = 0; r < stride; ++r) {
        const Half expected = r < rows ? halves[r * HalfStride(columns) + c] : kUntouched;
        ASSERT_EQ(transposed[c * stride + r], expected) << r << ' ' << c;
      }
    }
  }
}

TEST_F(HalfProductTest, TransposesInAnOrder) {
  constexpr size_t kRows = 40;
  constexpr size_t kUnits = 7;
  constexpr size_t kColumns = 20;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> x(kRows * kUnits);
  std::vector<float> deltas(kRows * kColumns);
  for (float& value : x) value = std::max(0.0F, normal(random));
  for (float& value : deltas) value = normal(random);
  const std::vector<HalfPair> pairs = Pairs(x);
  const std::vector<Half> halves = Halves(deltas, kColumns);
  const std::vector<uint32_t> order = {5, 2, 6};
  std::vector<float> y(kUnits * kColumns, -1);
  EXPECT_TRUE(halves_->multiply(HalfProduct{{.rows = order.size(),
                                             .depth = kRows,
                                             .columns = kColumns,
                                             .order = order.data(),
                                             .x = pairs.data(),
                                             .x_row_stride = 1,
                                             .x_depth_stride = kUnits,
                                             .w = halves.data(),
                                             .w_stride = HalfStride(kColumns),
                                             .y = y.data(),
                                             .y_stride = kColumns}}));
  for (size_t unit = 0; unit < kUnits; ++unit) {
    const bool chosen = std::find(order.begin(), order.end(), unit) != order.end();
    for (size_t c = 0; c < kColumns; ++c) {
      double sum = chosen ? 0 : -1;
      for (size_t r = 0; chosen && r < kRows; ++r) {
        sum += double{x[r * kUnits + unit]} * deltas[r * kColumns + c];
      }
      EXPECT_NEAR(y[unit * kColumns + c], sum, 0.05);
    }
  }
}

// None, some, and more than are added up in half precision.
TEST_F(HalfProductTest, SumsRows) {
  constexpr size_t kRows = 60;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<uint32_t> begin = {0};
  std::vector<WeightedRow> rows;
  for (const size_t count : {size_t{0}, size_t{1}, size_t{5}, kHalfTerms, kHalfTerms + 1, size_t{1000}}) {
    for (size_t i = 0; i < count; ++i) {
      rows.push_back({static_cast<uint32_t>(random() % kRows), i % 3 == 2 ? 1 / 3.0F : 1.0F});
    }
    begin.push_back(static_cast<uint32_t>(rows.size()));
  }
  for (const size_t columns : {1U, 32U, 161U, 400U}) {
    std::vector<float> values(kRows * columns);
    for (float& value : values) value = normal(random);
    std::vector<float> first(columns);
    for (float& value : first) value = normal(random);
    const std::vector<Half> halves = Halves(values, columns);
    const RowLists lists{begin, rows.data()};
    std::vector<float> exact(lists.size() * columns);
    SumRows(lists, nullptr, values.data(), columns, columns, exact.data(), columns);
    std::vector<float> to(lists.size() * columns, NAN);
    for (const float* const start : {static_cast<const float*>(nullptr), std::as_const(first).data()}) {
      ASSERT_TRUE(halves_->sum_rows({.lists = lists,
                                     .scale = 0.25F,
                                     .first = start,
                                     .values = halves.data(),
                                     .values_stride = HalfStride(columns),
                                     .columns = columns,
                                     .to = to.data(),
                                     .to_stride = columns}));
      for (size_t i = 0; i < to.size(); ++i) {
        const float before = start == nullptr ? 0 : start[i % columns];
        const size_t terms = begin[i / columns + 1] - begin[i / columns];
        EXPECT_NEAR(to[i], before + 0.25F * exact[i], 0.004 * std::sqrt(terms)) << columns << ", " << i;
      }
    }
    // The same sums as halves.
    const size_t stride = HalfStride(columns);
    std::vector<Half> sums(lists.size() * stride);
    ASSERT_TRUE(halves_->sum_rows({.lists = lists,
                                   .scale = 0.25F,
                                   .values = halves.data(),
                                   .values_stride = stride,
                                   .columns = columns,
                                   .sums = sums.data()}));
    ASSERT_TRUE(halves_->sum_rows({.lists = lists,
                                   .scale = 0.25F,
                                   .values = halves.data(),
                                   .values_stride = stride,
                                   .columns = columns,
                                   .to = to.data(),
                                   .to_stride = columns}));
    EXPECT_EQ(sums, Halves(to, columns)) << columns;
    values[7 % columns] = 60'000;
    const std::vector<Half> large = Halves(values, columns);
    const std::vector<WeightedRow> twice = {{0, 1}, {0, 1}};
    const std::vector<uint32_t> of = {0, 2};
    EXPECT_FALSE(halves_->sum_rows({.lists = {of, twice.data()},
                                    .values = large.data(),
                                    .values_stride = HalfStride(columns),
                                    .columns = columns,
                                    .to = to.data(),
                                    .to_stride = columns}));
  }
}

TEST_F(HalfProductTest, MultipliesLongRows) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (const size_t columns : {size_t{1}, size_t{40}, kHalfDotColumns}) {
    for (const size_t dims : {1U, 4U, 7U, 8U, 16U, 21U}) {
      constexpr size_t kRows = 9;
      std::vector<float> x(kRows * columns);
      std::vector<float> w(dims * columns);
      for (float& value : x) value = normal(random);
      for (float& value : w) value = 0.1F * normal(random);
      const std::vector<Half> halves = Halves(x, columns);
      const std::vector<Half> half_w = Halves(w, columns);
      std::vector<float> y(kRows * dims, NAN);
      const auto dot = [&] {
        return halves_->dot({.rows = kRows,
                             .dims = dims,
                             .columns = columns,
                             .x = halves.data(),
                             .w = half_w.data(),
                             .scale = 4,
                             .y = y.data()});
      };
      ASSERT_TRUE(dot());
      for (size_t i = 0; i < kRows; ++i) {
        for (size_t d = 0; d < dims; ++d) {
          double exact = 0;
          for (size_t c = 0; c < columns; ++c) exact += double{x[i * columns + c]} * w[d * columns + c];
          EXPECT_NEAR(y[i * dims + d], 4 * exact, 0.002 * std::sqrt(columns)) << columns << ' ' << dims;
        }
      }
    }
  }
  const std::vector<float> large(kHalfLanes, 60'000);
  const std::vector<Half> halves = Halves(large, kHalfLanes);
  float y = 0;
  EXPECT_FALSE(halves_->dot(
      {.rows = 1, .dims = 1, .columns = kHalfLanes, .x = halves.data(), .w = halves.data(), .y = &y}));
}

TEST_F(HalfProductTest, SaysWhatIsBeyondAHalf) {
  const auto finite = [&](float x, float w, size_t columns) {
    const std::vector<HalfPair> pairs = Pairs({x, x});
    const std::vector<Half> halves = Halves(std::vector<float>(2 * columns, w), columns);
    std::vector<float> y(columns);
    return halves_->multiply(HalfProduct{{.rows = 1,
                                          .depth = 2,
                                          .columns = columns,
                                          .x = pairs.data(),
                                          .x_row_stride = 2,
                                          .w = halves.data(),
                                          .w_stride = HalfStride(columns),
                                          .y = y.data(),
                                          .y_stride = columns}});
  };
  for (const size_t columns : {1U, 200U}) {
    EXPECT_TRUE(finite(100, 300, columns));
    EXPECT_FALSE(finite(200, 300, columns));  // their sum is
    EXPECT_FALSE(finite(1, 70'000, columns));
    EXPECT_FALSE(finite(-70'000, 1, columns));
    EXPECT_FALSE(finite(NAN, 1, columns));
    EXPECT_TRUE(finite(1e-30F, 1, columns));
  }
}

TEST_F(HalfProductTest, RoundsToTheNearestAndPads) {
  const std::vector<Half> halves = Halves({1, -2, 0.5F, 1 + 1.0F / 2048, 1 + 3.0F / 2048, 65'504}, 3);
  ASSERT_EQ(halves.size(), 2 * kHalfLanes);
  EXPECT_EQ(halves[0], 0x3C00);
  EXPECT_EQ(halves[1], 0xC000);
  EXPECT_EQ(halves[2], 0x3800);
  for (size_t c = 3; c < kHalfLanes; ++c) EXPECT_EQ(halves[c], 0);
  EXPECT_EQ(halves[kHalfLanes], 0x3C00);      // a tie, to even
  EXPECT_EQ(halves[kHalfLanes + 1], 0x3C02);  // and another
  EXPECT_EQ(halves[kHalfLanes + 2], 0x7BFF);
  HalfPair pair = 0;
  const float quarter = 0.25F;
  halves_->to_pairs(&quarter, 4, 1, &pair);
  EXPECT_EQ(pair, 0x3C003C00U);
}

}  // namespace
}  // namespace adscore::trainer

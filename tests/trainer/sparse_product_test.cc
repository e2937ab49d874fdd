#include "trainer/sparse_product.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "trainer/random.h"

namespace adscore::trainer {
namespace {

// About a third of the numbers are not 0, and some columns are 0 in all rows.
std::vector<float> Sparse(size_t rows, size_t columns, Random* random) {
  std::vector<float> x(rows * columns);
  for (size_t i = 0; i < x.size(); ++i) {
    if (i % columns % 7 != 3 && random->Below(3) == 0) x[i] = static_cast<float>(random->Normal());
  }
  return x;
}

std::vector<float> Numbers(size_t count, Random* random) {
  std::vector<float> numbers(count);
  for (float& number : numbers) number = static_cast<float>(random->Normal());
  return numbers;
}

struct Active {
  std::vector<uint64_t> by_row, by_column;
};

// by_column: of the last kActiveBits rows, or fewer.
Active ActiveOf(const std::vector<float>& x, size_t rows, size_t columns) {
  Active active = {std::vector<uint64_t>(rows * ActiveWords(columns) + 1, 7),
                   std::vector<uint64_t>(columns + 1, 7)};
  for (size_t first = 0; first < rows; first += kActiveBits) {
    FindActive(x.data() + first * columns, std::min(kActiveBits, rows - first), columns,
               active.by_row.data() + first * ActiveWords(columns), active.by_column.data());
  }
  EXPECT_EQ(active.by_row.back(), 7);  // nothing else is written
  EXPECT_EQ(active.by_column.back(), 7);
  return active;
}

TEST(SparseProductTest, FindsWhatIsNotZero) {
  Random random(1);
  for (const size_t columns : {1U, 16U, 30U, 64U, 100U, 129U}) {
    for (const size_t rows : {1U, 31U, 32U, 33U, 64U}) {
      const std::vector<float> x = Sparse(rows, columns, &random);
      const Active active = ActiveOf(x, rows, columns);
      const size_t words = ActiveWords(columns);
      for (size_t r = 0; r < rows; ++r) {
        for (size_t c = 0; c < columns; ++c) {
          const bool on = x[r * columns + c] != 0;
          ASSERT_EQ(active.by_row[r * words + c / 64] >> (c % 64) & 1, on) << r << ", " << c;
          ASSERT_EQ(active.by_column[c] >> r & 1, on) << r << ", " << c;
        }
      }
      size_t bits = 0;
      for (size_t i = 0; i < rows * words; ++i) bits += std::popcount(active.by_row[i]);
      for (size_t c = 0; c < columns; ++c) bits -= std::popcount(active.by_column[c]);
      EXPECT_EQ(bits, 0) << "bits beyond the matrix";
    }
  }
}

// y = first + x · w, in double precision.
double Expected(const SparseProduct& p, size_t row, size_t column, const float* first) {
  double sum = first == nullptr ? 0 : first[row * p.first_stride + column];
  for (size_t k = 0; k < p.depth; ++k) {
    sum +=
        static_cast<double>(p.x[row * p.x_row_stride + k * p.x_depth_stride]) * p.w[k * p.w_stride + column];
  }
  return p.relu ? std::max(sum, 0.0) : sum;
}

// Calls task() with the kernels of each instruction set that the processor has.
template <typename Task>
void ForEachTarget(const Task& task) {
  const int64_t all = hwy::SupportedTargets();
  for (int64_t left = all; left != 0; left &= left - 1) {
    hwy::SetSupportedTargetsForTest(left & -left);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    task();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

// Widths below, at and beyond a vector and a tile; depths and rows beyond what is listed at a time.
TEST(SparseProductTest, MultipliesAsIfNothingWereLeftOut) {
  Random random(2);
  for (const size_t columns : {1U, 7U, 16U, 80U, 100U, 400U}) {
    for (const size_t depth : {1U, 64U, 100U, 600U}) {
      for (const size_t rows : {1U, 4U, 5U, 16U, 71U}) {
        const std::vector<float> x = Sparse(rows, depth, &random);
        const std::vector<float> w = Numbers(depth * columns, &random);
        const std::vector<float> bias = Numbers(columns, &random);
        const Active active = ActiveOf(x, rows, depth);
        for (const ActiveBits bits : {ActiveBits{active.by_row.data(), ActiveWords(depth)}, ActiveBits{}}) {
          std::vector<float> y(rows * columns + 1);
          const SparseProduct product = {.rows = rows,
                                         .depth = depth,
                                         .columns = columns,
                                         .x = x.data(),
                                         .x_row_stride = depth,
                                         .active = bits,
                                         .w = w.data(),
                                         .w_stride = columns,
                                         .first = bias.data(),
                                         .y = y.data(),
                                         .y_stride = columns,
                                         .relu = true};
          std::vector<double> expected(rows * columns);
          for (size_t i = 0; i < expected.size(); ++i) {
            expected[i] = Expected(product, i / columns, i % columns, bias.data());
          }
          ForEachTarget([&] {
            std::fill(y.begin(), y.end(), 7.0F);
            Multiply(product);
            for (size_t i = 0; i < expected.size(); ++i) {
              ASSERT_NEAR(y[i], expected[i], 1e-4) << i / columns << ", " << i % columns;
            }
            EXPECT_EQ(y.back(), 7);
          });
        }
      }
    }
  }
}

// What is 0 in all rows that are multiplied together is not even looked at: there, the weights are no
// numbers.
TEST(SparseProductTest, PassesOverWhatIsZeroInAllRows) {
  Random random(5);
  const size_t rows = 23, depth = 600, columns = 33, stride = 40;
  const std::vector<float> x = Sparse(rows, depth, &random);
  std::vector<float> w = Numbers(depth * stride, &random);
  const Active active = ActiveOf(x, rows, depth);
  std::vector<float> y(rows * stride);
  const SparseProduct product = {.rows = rows,
                                 .depth = depth,
                                 .columns = columns,
                                 .x = x.data(),
                                 .x_row_stride = depth,
                                 .active = {active.by_row.data(), ActiveWords(depth)},
                                 .w = w.data(),
                                 .w_stride = stride,
                                 .y = y.data(),
                                 .y_stride = stride};
  ForEachTarget([&] {
    std::fill(y.begin(), y.end(), 7.0F);
    for (size_t k = 3; k < depth; k += 7) std::fill_n(w.begin() + k * stride, columns, NAN);
    Multiply(product);
    for (size_t k = 3; k < depth; k += 7) std::fill_n(w.begin() + k * stride, columns, 0.0F);
    for (size_t r = 0; r < rows; ++r) {
      for (size_t c = 0; c < columns; ++c) {
        ASSERT_NEAR(y[r * stride + c], Expected(product, r, c, nullptr), 1e-4) << r << ", " << c;
      }
      for (size_t c = columns; c < stride; ++c) ASSERT_EQ(y[r * stride + c], 7) << "between the rows";
    }
  });
}

TEST(SparseProductTest, WithoutAnyDepthThereIsNothingToAdd) {
  ForEachTarget([] {
    std::vector<float> y(6, 7);
    Multiply({.rows = 2, .depth = 0, .columns = 3, .y = y.data(), .y_stride = 3});
    EXPECT_EQ(y, std::vector<float>(6, 0));
  });
}

// As for a layer's gradient: the transpose, its rows in another order, added to what was there.
TEST(SparseProductTest, MultipliesTheTransposeInAnyOrderAndAddsToWhatIsThere) {
  Random random(3);
  const size_t units = 50, rows = 61, columns = 40, part = 13;
  const std::vector<float> x = Sparse(rows, units, &random);
  const std::vector<float> w = Numbers(rows * columns, &random);
  const std::vector<float> before = Numbers(units * columns, &random);
  const Active active = ActiveOf(x, rows, units);
  std::vector<uint32_t> order;
  for (uint32_t i = 0; i < part; ++i) order.push_back(i * 17 % units);
  std::vector<float> y(before.size());
  const SparseProduct product = {.rows = part,
                                 .depth = rows,
                                 .columns = columns,
                                 .order = order.data(),
                                 .x = x.data(),
                                 .x_row_stride = 1,
                                 .x_depth_stride = units,
                                 .active = {active.by_column.data(), 1},
                                 .w = w.data(),
                                 .w_stride = columns,
                                 .first = y.data(),
                                 .first_stride = columns,
                                 .y = y.data(),
                                 .y_stride = columns};
  std::vector<bool> written(units, false);
  for (const uint32_t unit : order) written[unit] = true;
  ForEachTarget([&] {
    y = before;
    Multiply(product);
    for (size_t unit = 0; unit < units; ++unit) {
      for (size_t c = 0; c < columns; ++c) {
        const double expected =
            written[unit] ? Expected(product, unit, c, before.data()) : before[unit * columns + c];
        ASSERT_NEAR(y[unit * columns + c], expected, 1e-4) << unit << ", " << c;
      }
    }
  });
}

TEST(SparseProductTest, TransposesSomeColumns) {
  Random random(4);
  for (const size_t rows : {1U, 16U, 37U}) {
    const size_t columns = 50, stride = rows + 3;
    const std::vector<float> from = Numbers(rows * columns, &random);
    std::vector<float> to(stride * columns, 7);
    Transpose(from.data(), rows, columns, 16, 49, to.data(), stride);
    for (size_t r = 0; r < stride; ++r) {
      for (size_t c = 0; c < columns; ++c) {
        const bool written = r < rows && c >= 16 && c < 49;
        EXPECT_EQ(to[c * stride + r], written ? from[r * columns + c] : 7) << r << ", " << c;
      }
    }
  }
}

}  // namespace
}  // namespace adscore::trainer

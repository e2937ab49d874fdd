// Every kernel set of this machine against plain loops in double precision, on shapes with all kinds of
// tails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "model/aligned.h"
#include "model/kernels/kernel_set.h"
#include "tests/model/dense_problem.h"
#include "tests/model/kernel_cases.h"

namespace adscore::model {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): a test's own helpers

class KernelTest : public ::testing::TestWithParam<const KernelSet*> {
 protected:
  AlignedFloats Packed(const std::vector<float>& w, size_t depth_stride, size_t column_stride, size_t depth,
                       size_t columns) {
    AlignedFloats packed(GetParam()->packed_floats(depth, columns));
    GetParam()->pack(w.data(), depth_stride, column_stride, depth, columns, packed.data());
    return packed;
  }
};

TEST_P(KernelTest, DenseIsWithinRoundingOfDoublePrecisionForAnyShape) {
  std::mt19937 generator(1);
  for (const Shape& shape : Shapes()) {
    const DenseProblem problem = RandomProblem(shape, &generator);
    const size_t y_stride = shape.columns + 3;
    const std::vector<float> y = problem.Run(*GetParam(), 0, shape.rows, y_stride);
    for (size_t r = 0; r < shape.rows; ++r) {
      for (size_t c = 0; c < shape.columns; ++c) {
        // Each of the depth + 1 roundings is at most epsilon / 2 of a partial sum, which the norm bounds;
        // without a fused multiply-add there are twice as many.
        const auto [sum, norm] = problem.Reference(r, c);
        ASSERT_NEAR(y[r * y_stride + c], sum, static_cast<double>(shape.depth + 1) * kEpsilon * norm)
            << ToString(problem) << " at " << r << "," << c;
      }
      for (size_t c = shape.columns; c < y_stride; ++c) {
        ASSERT_EQ(y[r * y_stride + c], DenseProblem::kUntouched) << "wrote past the columns";
      }
    }
  }
}

TEST_P(KernelTest, ARowsResultDoesNotDependOnTheRowsBesideIt) {
  std::mt19937 generator(2);
  for (const Shape& shape : Shapes()) {
    ExpectRowsDoNotDependOnEachOther(RandomProblem(shape, &generator), *GetParam());
  }
}

TEST_P(KernelTest, TransposedOperandsThroughStrides) {
  // y = xᵀ · wᵀ with x stored [depth][rows] and w stored [columns][depth].
  constexpr size_t kRows = 13, kDepth = 37, kColumns = 45;
  std::mt19937 generator(3);
  const std::vector<float> x = RandomFloats(kRows * kDepth, &generator);
  const std::vector<float> w = RandomFloats(kDepth * kColumns, &generator);
  const AlignedFloats packed = Packed(w, 1, kDepth, kDepth, kColumns);
  std::vector<float> y(kRows * kColumns);
  GetParam()->dense({.rows = kRows,
                     .depth = kDepth,
                     .columns = kColumns,
                     .x = x.data(),
                     .x_row_stride = 1,
                     .x_depth_stride = kRows,
                     .packed = packed.data(),
                     .y = y.data(),
                     .y_stride = kColumns});
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t c = 0; c < kColumns; ++c) {
      double sum = 0;
      for (size_t k = 0; k < kDepth; ++k) sum += static_cast<double>(x[k * kRows + r]) * w[c * kDepth + k];
      ASSERT_NEAR(y[r * kColumns + c], sum, 1e-5);
    }
  }
}

TEST_P(KernelTest, InitRowsAndRelu) {
  // x = 0, so that y is what init and relu make of it.
  const std::vector<float> x(3, 0.0f);
  const std::vector<float> w(2, 1.0f);
  const AlignedFloats packed = Packed(w, 2, 1, 1, 2);
  const std::vector<float> init = {1, -2, 3, std::numeric_limits<float>::quiet_NaN()};
  const std::vector<uint32_t> init_row = {1, 0, 1};
  std::vector<float> y(6);
  const DenseArgs args = {.rows = 3,
                          .depth = 1,
                          .columns = 2,
                          .x = x.data(),
                          .x_row_stride = 1,
                          .packed = packed.data(),
                          .init = init.data(),
                          .init_stride = 2,
                          .init_row = init_row.data(),
                          .y = y.data(),
                          .y_stride = 2,
                          .relu = true};
  GetParam()->dense(args);
  EXPECT_THAT(y, ::testing::ElementsAre(3, 0, 1, 0, 3, 0)) << "relu makes -2 and NaN 0";
}

TEST_P(KernelTest, HeadsAreWithinRoundingOfDoublePrecision) {
  std::mt19937 generator(4);
  for (const size_t depth : {1, 2, 15, 16, 31, 32, 64, 65, 400, 1025}) {
    constexpr size_t kRows = 3, kHeads = 2;
    const std::vector<float> x = RandomFloats(kRows * depth, &generator);
    const std::vector<float> w = RandomFloats(kHeads * depth, &generator);
    const std::vector<float> bias = {0.5f, -0.25f};
    std::vector<float> y(kRows * kHeads);
    GetParam()->heads(x.data(), depth, w.data(), bias.data(), kRows, depth, kHeads, y.data());
    for (size_t r = 0; r < kRows; ++r) {
      for (size_t h = 0; h < kHeads; ++h) {
        double sum = bias[h];
        double norm = 1;
        for (size_t k = 0; k < depth; ++k) {
          sum += static_cast<double>(x[r * depth + k]) * w[h * depth + k];
          norm += std::fabs(x[r * depth + k] * w[h * depth + k]);
        }
        EXPECT_NEAR(y[r * kHeads + h], sum, static_cast<double>(depth + 1) * kEpsilon * norm);
      }
    }
  }
}

TEST_P(KernelTest, SigmoidsAreRightToTheLastBitsEverywhereAndNeverFall) {
  std::vector<float> logits;
  for (float x = -110; x < 110; x += 0.00390625f) logits.push_back(x);
  for (float x = 1e-30f; x < 1; x *= 1.001f) {
    logits.push_back(x);
    logits.push_back(-x);
  }
  // Neighbouring floats where the probability comes to 1, and where it leaves one half.
  for (float x = 17.3f; x < 17.34f; x = std::nextafter(x, 100.0f)) logits.push_back(x);
  for (float x = 1.19e-7f; x < 1.2e-7f; x = std::nextafter(x, 1.0f)) logits.push_back(x);
  for (const float x : {-1e30f, 1e30f, -std::numeric_limits<float>::infinity(),
                        std::numeric_limits<float>::infinity(), 0.0f, -0.0f}) {
    logits.push_back(x);
  }
  std::sort(logits.begin(), logits.end());
  const std::vector<double> slope(logits.size(), 1.0);
  const std::vector<double> offset(logits.size(), 0.0);
  std::vector<float> p(logits.size());
  GetParam()->sigmoids(logits.data(), slope.data(), offset.data(), logits.size(), p.data());
  for (size_t i = 0; i < p.size(); ++i) {
    const double expected = 1 / (1 + std::exp(-static_cast<double>(logits[i])));
    ASSERT_NEAR(p[i], expected, 2e-7) << logits[i];
    if (expected > std::numeric_limits<float>::min()) {
      ASSERT_NEAR(p[i] / expected, 1, 1e-6) << logits[i];
    }
    ASSERT_GE(p[i], 0);
    ASSERT_LE(p[i], 1);
    if (i > 0) {
      ASSERT_GE(p[i], p[i - 1]) << logits[i];
    }
  }
}

TEST_P(KernelTest, SigmoidsTakeEachOnesCalibratorAndAnyCount) {
  for (size_t count = 1; count < 20; ++count) {
    std::vector<float> values(count);
    std::vector<double> slope(count);
    std::vector<double> offset(count);
    for (size_t i = 0; i < count; ++i) {
      values[i] = static_cast<float>(i) - 5;
      slope[i] = 1 + 0.1 * static_cast<double>(i);
      offset[i] = 0.5 - static_cast<double>(i);
    }
    const std::vector<float> logits = values;
    GetParam()->sigmoids(values.data(), slope.data(), offset.data(), count, values.data());
    for (size_t i = 0; i < count; ++i) {
      EXPECT_NEAR(values[i], 1 / (1 + std::exp(-(slope[i] * logits[i] + offset[i]))), 2e-7);
    }
  }
  float nan = std::numeric_limits<float>::quiet_NaN();
  const double one = 1;
  GetParam()->sigmoids(&nan, &one, &one, 1, &nan);
  EXPECT_TRUE(std::isnan(nan));
}

INSTANTIATE_TEST_SUITE_P(EverySetOfThisMachine, KernelTest,
                         ::testing::ValuesIn(AvailableKernelSets(Precision::kF32)),
                         [](const auto& set) { return std::string(set.param->name); });

// Infinity and NaN, and no rows, for all precisions alike.
class NotFiniteTest : public ::testing::TestWithParam<const KernelSet*> {};

TEST_P(NotFiniteTest, ReachesItsOwnRowAndNoOther) {
  std::mt19937 generator(11);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const float bad : {kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN()}) {
    DenseProblem problem = RandomProblem({30, 37, 50}, &generator);
    constexpr size_t kRow = 13;
    problem.x[kRow * problem.depth + 20] = bad;
    for (size_t c = 0; c < problem.columns; ++c) problem.w[20 * problem.columns + c] = c % 2 == 0 ? 1 : -1;
    // The weights changed: what the other rows should be now, without the bad number anywhere.
    DenseProblem finite = problem;
    finite.x[kRow * problem.depth + 20] = 0;
    const std::vector<float> expected = finite.Run(*GetParam());
    const std::vector<float> y = problem.Run(*GetParam());
    const std::vector<float> relu = problem.Run(*GetParam(), /*relu=*/true);
    for (size_t r = 0; r < problem.rows; ++r) {
      for (size_t c = 0; c < problem.columns; ++c) {
        const float got = y[r * problem.columns + c];
        const float positive = relu[r * problem.columns + c];
        if (r != kRow) {
          ASSERT_EQ(got, expected[r * problem.columns + c]) << r << "," << c;
          continue;
        }
        ASSERT_FALSE(std::isfinite(got)) << c;
        // ReLU makes 0 of NaN and of minus infinity, and leaves infinity.
        ASSERT_EQ(positive, got > 0 ? kInfinity : 0) << c;
      }
    }
  }
}

TEST_P(NotFiniteTest, NoRowsAreNoWork) {
  DenseProblem problem(1, 3, 40);
  EXPECT_TRUE(problem.Run(*GetParam(), 0, 0, 40).empty());
}

INSTANTIATE_TEST_SUITE_P(EverySetOfThisMachine, NotFiniteTest,
                         ::testing::ValuesIn(SetsOf({Precision::kF32, Precision::kBf16, Precision::kInt8})),
                         NameOf);

class FindKernelSetTest : public ::testing::Test {
 protected:
  void SetUp() override { unsetenv("ADSCORE_ISA"); }
  void TearDown() override { unsetenv("ADSCORE_ISA"); }
};

TEST_F(FindKernelSetTest, AutoIsTheBestAndEveryNameFindsItsOwn) {
  EXPECT_EQ(*FindKernelSet("auto", Precision::kF32), AvailableKernelSets(Precision::kF32).front());
  for (const KernelSet* set : AvailableKernelSets(Precision::kF32))
    EXPECT_EQ(*FindKernelSet(set->name, Precision::kF32), set);
}

TEST_F(FindKernelSetTest, TheEnvironmentNamesWhatAutoIsAndNothingElse) {
  const KernelSet* last = AvailableKernelSets(Precision::kBf16).back();
  setenv("ADSCORE_ISA", last->name, 1);
  EXPECT_EQ(*FindKernelSet("auto", Precision::kBf16), last);
  const KernelSet* first = AvailableKernelSets(Precision::kBf16).front();
  EXPECT_EQ(*FindKernelSet(first->name, Precision::kBf16), first);
  setenv("ADSCORE_ISA", "avx9000", 1);
  EXPECT_THAT(std::string(FindKernelSet("auto", Precision::kBf16).status().message()),
              ::testing::HasSubstr("avx9000"));
}

TEST_F(FindKernelSetTest, AnUnknownNameIsRefusedWithTheListOfThoseThatWork) {
  const auto set = FindKernelSet("avx9000", Precision::kF32);
  EXPECT_EQ(set.status().code(), absl::StatusCode::kInvalidArgument);
  const std::string message(set.status().message());
  EXPECT_THAT(message, ::testing::HasSubstr("avx9000"));
  for (const KernelSet* known : AvailableKernelSets(Precision::kF32))
    EXPECT_THAT(message, ::testing::HasSubstr(known->name));
}

}  // namespace
}  // namespace adscore::model

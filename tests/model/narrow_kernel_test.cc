// Every kernel set of this machine with bf16 or int8 weights, against plain loops over the weights as they
// were before rounding.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "model/kernels/kernel_set.h"
#include "model/kernels/rounding.h"
#include "tests/model/dense_problem.h"
#include "tests/model/kernel_cases.h"

namespace adscore::model {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): a test's own helpers

class NarrowKernelTest : public ::testing::TestWithParam<const KernelSet*> {
 protected:
  bool bf16() const { return GetParam()->precision == Precision::kBf16; }
  // Whether x is rounded too, and not the weights alone.
  bool narrow_activations() const { return GetParam()->scratch_floats(1, 1) > 0; }

  // Whether the numbers are integers, with one step for a column or a row; those of 16 bits serve for bf16.
  bool integers() const { return !bf16() || std::string(GetParam()->name) == "avx512_vnni"; }

  // The most by which rounding changes w[k][c]: half a step.
  double WeightRounding(const DenseProblem& p, size_t k, size_t c) const {
    if (!integers()) return std::fabs(p.w[k * p.columns + c]) / 256;
    constexpr size_t kBlock = 128;  // no block of so many may have more than 65,535 in its integers together
    float largest = 0;
    double block = 0, largest_block = 0;
    for (size_t i = 0; i < p.depth; ++i) {
      const float size = std::fabs(p.w[i * p.columns + c]);
      largest = std::max(largest, size);
      block = (i % kBlock == 0 ? 0 : block) + size;
      largest_block = std::max(largest_block, block);
    }
    if (bf16()) return std::max(largest / 32767.0, largest_block / (65535 - kBlock)) / 2;
    return largest / 127 / 2;
  }

  // The same of x[r][k]; with int8 a whole step, half of it for the zero point.
  double ActivationRounding(const DenseProblem& p, size_t r, size_t k) const {
    if (!narrow_activations()) return 0;
    if (!integers()) return std::fabs(p.x[r * p.depth + k]) / 256;
    float low = 0, high = 0;
    for (size_t i = r * p.depth; i < (r + 1) * p.depth; ++i) {
      low = std::min(low, p.x[i]);
      high = std::max(high, p.x[i]);
    }
    if (bf16()) return std::max(-low, high) / 32767 / 2;
    return (high - low) / (ForFirstLayer(GetParam()) ? 65535 : 255);
  }
};

TEST_P(NarrowKernelTest, IsWithinTheRoundingOfItsOperandsForAnyShape) {
  std::mt19937 generator(9);
  for (const Shape& shape : Shapes()) {
    const DenseProblem problem = RandomProblem(shape, &generator);
    const std::vector<float> y = problem.Run(*GetParam());
    std::vector<double> of_x(shape.rows * shape.depth);
    for (size_t i = 0; i < of_x.size(); ++i) {
      const bool as_before = integers() && i % shape.depth > 0;  // one step for the whole row
      of_x[i] = as_before ? of_x[i - 1] : ActivationRounding(problem, i / shape.depth, i % shape.depth);
    }
    for (size_t c = 0; c < shape.columns; ++c) {
      std::vector<double> of_w(shape.depth);
      for (size_t k = 0; k < shape.depth; ++k) {
        of_w[k] = integers() && k > 0 ? of_w[0] : WeightRounding(problem, k, c);
      }
      for (size_t r = 0; r < shape.rows; ++r) {
        const auto [sum, norm] = problem.Reference(r, c);
        double bound = 2 * static_cast<double>(shape.depth + 1) * kEpsilon * norm;  // of the arithmetic
        for (size_t k = 0; k < shape.depth; ++k) {
          const double x = std::fabs(problem.x[r * shape.depth + k]);
          const double w = std::fabs(problem.w[k * shape.columns + c]);
          bound += x * of_w[k] + of_x[r * shape.depth + k] * (w + of_w[k]);
        }
        ASSERT_NEAR(y[r * shape.columns + c], sum, 1.001 * bound + 1e-6) << ToString(problem);
      }
    }
  }
}

TEST_P(NarrowKernelTest, ARowsResultDoesNotDependOnTheRowsBesideIt) {
  std::mt19937 generator(10);
  for (const Shape& shape : Shapes()) {
    ExpectRowsDoNotDependOnEachOther(RandomProblem(shape, &generator), *GetParam());
  }
}

TEST_P(NarrowKernelTest, TakesNoMoreMemoryThanItsBytesPerWeight) {
  const size_t f32 = AvailableKernelSets(Precision::kF32).front()->packed_floats(400, 384);
  const size_t narrow = GetParam()->packed_floats(400, 384);
  const size_t of_columns = integers() ? 384 * (bf16() ? 1 : 2) : 0;  // a scale each, int8 perhaps a sum
  EXPECT_LE(narrow, f32 / (bf16() ? 2 : 4) + of_columns);
}

TEST_P(NarrowKernelTest, TheFirstLayerKeepsSmallInputsBesideALargeOne) {
  const KernelSet& first = GetParam()->first_layer != nullptr ? *GetParam()->first_layer : *GetParam();
  DenseProblem problem(1, 9, 5);
  std::fill(problem.x.begin(), problem.x.end(), 0.01f);
  problem.x[0] = 20;
  for (size_t k = 1; k < problem.depth; ++k) problem.w[k * problem.columns + 2] = 1;
  EXPECT_NEAR(problem.Run(first)[2], 0.08f, 0.002f);
}

TEST_P(NarrowKernelTest, LargestNumbersThroughoutDoNotOverflow) {
  for (const float sign : {1.0f, -1.0f}) {
    DenseProblem problem(1, 1025, 3);
    std::fill(problem.x.begin(), problem.x.end(), 3.0f);
    std::fill(problem.w.begin(), problem.w.end(), sign * 2.0f);
    // One beside which the others take up no more than a few steps.
    for (size_t k = 0; k < problem.depth; ++k) problem.w[k * problem.columns + 1] = k == 7 ? 2000 : sign;
    const std::vector<float> y = problem.Run(*GetParam());
    EXPECT_NEAR(y[0] / (6150 * sign), 1, 0.001f);
    EXPECT_NEAR(y[1] / 6000, 1 + sign * 1024 / 2000, 1024 * 3 * 2000 / 127.0f / 2 / 6000);
    EXPECT_EQ(y[0], y[2]);
  }
}

TEST_P(NarrowKernelTest, WeightsAndRowsOfZerosLeaveTheBias) {
  DenseProblem problem(3, 70, 40);
  for (size_t c = 0; c < problem.columns; ++c) problem.bias[c] = static_cast<float>(c);
  problem.x[5] = 1;                   // a row of numbers against weights of zeros
  problem.x[problem.depth + 6] = -1;  // and one below 0; the last row is zeros
  const std::vector<float> y = problem.Run(*GetParam());
  for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(y[i], problem.bias[i % problem.columns]);
  // Numbers so small that a step of theirs has no inverse.
  std::fill(problem.w.begin(), problem.w.end(), 1.0f);
  std::fill(problem.x.begin(), problem.x.end(), 1e-40f);
  const std::vector<float> tiny = problem.Run(*GetParam());
  for (size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(tiny[i], problem.bias[i % problem.columns], 1e-30);
}

TEST(RoundingTest, AFloatOverAGivenLowerHalfIsTheNearestThereIs) {
  std::mt19937 generator(12);
  std::uniform_real_distribution<float> uniform(-2, 2);
  for (int i = 0; i < 20000; ++i) {
    const float value = i == 0 ? 0.0f : uniform(generator) * (i % 7 == 0 ? 1e-39f : 1.0f);
    const auto low = static_cast<uint16_t>(generator());
    const uint32_t word = RoundToBf16Above(value, low);
    ASSERT_EQ(word & 0xffff, low);
    const auto off = [value](uint32_t bits) { return std::fabs(std::bit_cast<float>(bits) - value); };
    const float here = off(word);
    if ((word & 0x7fffffff) >= 0x10000) {
      ASSERT_LE(here, off(word - 0x10000)) << value << " " << low;
    }
    ASSERT_LE(here, off(word + 0x10000)) << value << " " << low;
  }
}

INSTANTIATE_TEST_SUITE_P(EverySetOfThisMachine, NarrowKernelTest,
                         ::testing::ValuesIn(SetsOf({Precision::kBf16, Precision::kInt8})), NameOf);

}  // namespace
}  // namespace adscore::model

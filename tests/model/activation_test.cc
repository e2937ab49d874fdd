// Every kernel set's activations against their definitions in double precision.
#include "model/activation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "model/kernels/kernel_set.h"

namespace adscore::model {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kUntouched = 99;

std::vector<ActivationKind> AllButRelu() {
  std::vector<ActivationKind> kinds;
  for (size_t k = 1; k < kActivationKinds; ++k) kinds.push_back(static_cast<ActivationKind>(k));
  return kinds;
}

class ActivationKernelTest : public ::testing::TestWithParam<std::tuple<const KernelSet*, ActivationKind>> {
 protected:
  Activation activation_{std::get<1>(GetParam()), HasAlpha(std::get<1>(GetParam())) ? 0.3f : 0.0f};

  void Run(size_t rows, size_t columns, size_t stride, float* y) const {
    std::get<0>(GetParam())
        ->activate[static_cast<size_t>(activation_.kind)](activation_.alpha, rows, columns, stride, y);
  }
};

TEST_P(ActivationKernelTest, IsRightToTheLastBitsEverywhere) {
  std::vector<float> x = {0.0f, -0.0f, 1e30f, -1e30f, 3e38f, -3e38f};
  for (float v = -30; v < 30; v += 0.00390625f) x.push_back(v);
  for (float v = 1e-30f; v < 1; v *= 1.01f) {
    x.push_back(v);
    x.push_back(-v);
  }
  for (float v = 30; v < 1000; v *= 1.1f) {
    x.push_back(v);
    x.push_back(-v);
  }
  std::vector<float> y = x;
  Run(1, y.size(), y.size(), y.data());
  for (size_t i = 0; i < x.size(); ++i) {
    const double expected = Activate(activation_, x[i]);
    if (std::fabs(expected) > std::numeric_limits<float>::max()) continue;  // gelu_tanh's cube
    ASSERT_NEAR(y[i], expected, 1.5e-7 * std::fabs(expected) + 2e-15) << ToString(activation_.kind) << x[i];
  }
}

TEST_P(ActivationKernelTest, ANumbersResultDoesNotDependOnWhereItStandsAndNothingElseIsTouched) {
  const float values[] = {-3.7f, -0.2f, 0.4f, 2.9f, 17.0f};
  for (const float value : values) {
    float alone = value;
    Run(1, 1, 1, &alone);
    for (size_t columns = 1; columns < 40; ++columns) {
      const size_t stride = columns + 3;
      std::vector<float> y(3 * stride, kUntouched);
      for (size_t r = 0; r < 3; ++r)
        std::fill_n(y.begin() + static_cast<ptrdiff_t>(r * stride), columns, value);
      Run(3, columns, stride, y.data());
      for (size_t i = 0; i < y.size(); ++i) {
        ASSERT_EQ(y[i], i % stride < columns ? alone : kUntouched) << columns << " columns, " << i;
      }
    }
  }
}

TEST_P(ActivationKernelTest, InfinityHasItsLimitAndNaNStaysNaN) {
  float y[] = {std::numeric_limits<float>::quiet_NaN(), kInfinity};
  Run(1, 2, 2, y);
  EXPECT_TRUE(std::isnan(y[0]));
  EXPECT_EQ(y[1], static_cast<float>(Activate(activation_, kInfinity)));
}

INSTANTIATE_TEST_SUITE_P(EverySetOfThisMachine, ActivationKernelTest,
                         ::testing::Combine(::testing::ValuesIn(AvailableKernelSets(Precision::kF32)),
                                            ::testing::ValuesIn(AllButRelu())),
                         [](const auto& set) {
                           return std::string(std::get<0>(set.param)->name) + "_" +
                                  ToString(std::get<1>(set.param));
                         });

TEST(ActivationTest, ReluIsTheDenseKernelsOwn) {
  for (const Precision precision : {Precision::kF32, Precision::kBf16, Precision::kInt8}) {
    for (const KernelSet* set : AvailableKernelSets(precision)) {
      EXPECT_EQ(set->activate[static_cast<size_t>(ActivationKind::kRelu)], nullptr);
    }
  }
}

TEST(ActivationTest, WordsGoThereAndBackAndOthersAreRefusedWithTheList) {
  for (size_t k = 0; k < kActivationKinds; ++k) {
    ActivationKind kind = ActivationKind::kRelu;
    ASSERT_TRUE(ParseActivationKind(ToString(static_cast<ActivationKind>(k)), "x", &kind).ok());
    EXPECT_EQ(kind, static_cast<ActivationKind>(k));
  }
  ActivationKind kind = ActivationKind::kRelu;
  const absl::Status status = ParseActivationKind("swish", "layers[2].activation", &kind);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              ::testing::HasSubstr("layers[2].activation is 'swish'; known: relu,"));
}

}  // namespace
}  // namespace adscore::model

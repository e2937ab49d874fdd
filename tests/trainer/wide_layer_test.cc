#include "trainer/wide_layer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "trainer/active_units.h"
#include "trainer/half_product.h"
#include "trainer/parameters.h"
#include "trainer/workers.h"

namespace adscore::trainer {
namespace {

// What a layer gets and passes on in a batch, and what must come of it, summed up in double precision.
struct Batch {
  Batch(size_t row_count, size_t input_count, size_t output_count)
      : rows(row_count),
        inputs(input_count),
        outputs(output_count),
        x(rows * inputs),
        deltas(rows * outputs),
        below(inputs, 1),
        units(outputs, 1) {
    std::mt19937 random(static_cast<uint32_t>(rows));
    std::normal_distribution<float> normal;
    layer = {.inputs = inputs, .outputs = outputs, .weights = {}, .bias = {}};
    for (size_t i = 0; i < inputs * outputs; ++i) layer.weights.push_back(0.1F * normal(random));
    for (size_t i = 0; i < outputs; ++i) layer.bias.push_back(normal(random));
    for (float& value : x) value = std::max(0.0F, normal(random) - 0.3F);
    for (float& value : deltas) value = std::max(0.0F, normal(random)) / static_cast<float>(rows);
    below.Reserve(rows);
    below.Find(x.data(), 0, rows);
    units.Reserve(rows);
    units.Find(deltas.data(), 0, rows);
  }

  double Output(size_t row, size_t output) const {
    double sum = layer.bias[output];
    for (size_t i = 0; i < inputs; ++i) {
      sum += double{x[row * inputs + i]} * layer.weights[i * outputs + output];
    }
    return sum;
  }
  double Below(size_t row, size_t input) const {
    double sum = 0;
    for (size_t o = 0; o < outputs; ++o) {
      sum += double{deltas[row * outputs + o]} * layer.weights[input * outputs + o];
    }
    return sum;
  }
  double Gradient(size_t input, size_t output) const {
    double sum = 0;
    for (size_t row = 0; row < rows; ++row) {
      sum += double{x[row * inputs + input]} * deltas[row * outputs + output];
    }
    return sum;
  }

  size_t rows;
  size_t inputs;
  size_t outputs;
  DenseLayer layer;
  std::vector<float> x;
  std::vector<float> deltas;
  ActiveUnits below;
  ActiveUnits units;
};

// A batch forward and back, by several workers together.
struct Pass {
  Pass(const Batch& batch, const HalfKernels* halves, size_t worker_count)
      : workers(worker_count),
        wide(batch.inputs, batch.outputs, halves),
        y(batch.rows * batch.outputs),
        back(batch.rows * batch.inputs),
        gradient(batch.layer) {
    Use(batch, false);
    wide.BeginBatch(batch.rows, HalfDeltaScale(batch.rows, 1));
    for (size_t first = 0; first < batch.rows; first += kActiveBits) {
      const size_t last = std::min(first + kActiveBits, batch.rows);
      wide.Forward(first, last, batch.x.data(), batch.below, batch.layer.bias.data(), false, y.data());
      wide.Backward(first, last, batch.deltas.data(), &batch.units, back.data());
    }
    ActiveUnits active(batch.inputs, workers.count());
    active.Reserve(batch.rows);
    active.Find(batch.x.data(), 0, batch.rows);
    active.Sort(batch.rows);
    workers.RunEach(2 * workers.count(), [&](size_t /*worker*/, size_t item) {
      const auto [first, last] = active.Part(item / 2);
      wide.Gradient({item % 2, first, last}, batch.x.data(), active, batch.deltas.data(), &gradient);
    });
    workers.Run([&](size_t worker) { wide.AddSecondHalf(workers, worker, &gradient); });
  }

  void Use(const Batch& batch, bool scoring) {
    wide.Begin(scoring);
    workers.Run([&](size_t worker) { wide.Use(batch.layer, workers, worker); });
  }

  void ExpectToBeRight(const Batch& batch, double tolerance) const {
    for (size_t row = 0; row < batch.rows; ++row) {
      for (size_t o = 0; o < batch.outputs; ++o) {
        EXPECT_NEAR(y[row * batch.outputs + o], batch.Output(row, o), tolerance);
      }
      for (size_t i = 0; i < batch.inputs; ++i) {
        EXPECT_NEAR(back[row * batch.inputs + i] * batch.rows, batch.Below(row, i) * batch.rows, tolerance);
      }
    }
    for (size_t i = 0; i < batch.inputs; ++i) {
      for (size_t o = 0; o < batch.outputs; ++o) {
        EXPECT_NEAR(gradient.weights[i * batch.outputs + o], batch.Gradient(i, o), tolerance);
      }
    }
  }

  Workers workers;
  WideLayer wide;
  std::vector<float> y;
  std::vector<float> back;
  DenseLayer gradient;
};

// The gradient of few rows is summed up in one, that of many as two halves, of which neither need be whole
// blocks.
TEST(WideLayerTest, GoesForwardAndBackWhoeverComputesIt) {
  EXPECT_EQ(WideLayer::SecondHalf(90), 90U);
  EXPECT_EQ(WideLayer::SecondHalf(777), 384U);
  for (const size_t rows : {90U, 777U}) {
    const Batch batch(rows, 150, 70);
    const Pass alone(batch, nullptr, 1);
    alone.ExpectToBeRight(batch, 1e-4);
    EXPECT_EQ(Pass(batch, nullptr, 3).gradient.weights, alone.gradient.weights);
  }
}

TEST(WideLayerTest, WhatIsActiveOnlySavesWork) {
  const Batch batch(61, 150, 70);
  Pass pass(batch, nullptr, 1);
  std::vector<float> relu(pass.y.size());
  std::vector<float> back(pass.back.size());
  pass.wide.Forward(0, batch.rows, batch.x.data(), batch.below, batch.layer.bias.data(), true, relu.data());
  pass.wide.Backward(0, batch.rows, batch.deltas.data(), nullptr, back.data());
  EXPECT_EQ(back, pass.back);
  for (size_t i = 0; i < relu.size(); ++i) EXPECT_EQ(relu[i], std::max(0.0F, pass.y[i]));
}

class HalvesTest : public testing::Test {
 protected:
  void SetUp() override {
    if (halves_ == nullptr) GTEST_SKIP() << "this processor does not multiply in half precision";
  }
  const HalfKernels* const halves_ = FindHalfKernels();
};

TEST_F(HalvesTest, TrainInThemAndScoreExactly) {
  for (const size_t rows : {90U, 777U}) {
    const Batch batch(rows, 260, 300);
    Pass pass(batch, halves_, 1);
    pass.ExpectToBeRight(batch, 0.015);
    EXPECT_FALSE(pass.wide.overflowed());
    EXPECT_EQ(Pass(batch, halves_, 3).gradient.weights, pass.gradient.weights);

    const Pass exact(batch, nullptr, 1);
    EXPECT_NE(pass.y, exact.y);
    pass.Use(batch, true);
    pass.wide.Forward(0, rows, batch.x.data(), batch.below, batch.layer.bias.data(), false, pass.y.data());
    EXPECT_EQ(pass.y, exact.y);
  }
}

// Rows may weigh as little as they like: together they still say which way to go.
TEST_F(HalvesTest, DoNotLoseDeltasOfLightRows) {
  Batch batch(90, 260, 300);
  for (float& delta : batch.deltas) delta *= 1e-9F;
  Pass pass(batch, halves_, 1);
  pass.wide.BeginBatch(batch.rows, HalfDeltaScale(batch.rows, 1e-9));
  pass.wide.Backward(0, kActiveBits, batch.deltas.data(), &batch.units, pass.back.data());
  for (size_t i = 0; i < kActiveBits * batch.inputs; ++i) {
    const double exact = batch.Below(i / batch.inputs, i % batch.inputs);
    EXPECT_NEAR(pass.back[i] * 1e9 * batch.rows, exact * 1e9 * batch.rows, 0.015);
  }
}

TEST_F(HalvesTest, NarrowerLayersDoWithout) {
  const Batch batch(90, 260, 250);
  EXPECT_EQ(Pass(batch, halves_, 1).y, Pass(batch, nullptr, 1).y);
}

TEST_F(HalvesTest, SayWhatIsTooLargeForThem) {
  Batch forward(20, 260, 300);
  forward.x[3] = 1e5F;
  EXPECT_TRUE(Pass(forward, halves_, 1).wide.overflowed());
  Batch back(20, 260, 300);
  back.deltas[3] = 1e5F;
  EXPECT_TRUE(Pass(back, halves_, 1).wide.overflowed());
  Batch weights(20, 260, 300);
  weights.layer.weights[3] = 1e5F;
  Pass pass(weights, halves_, 1);
  EXPECT_TRUE(pass.wide.overflowed());

  pass.wide.DoWithoutHalves();
  EXPECT_FALSE(pass.wide.overflowed());
  pass.Use(weights, false);
  pass.wide.Forward(0, 20, weights.x.data(), weights.below, weights.layer.bias.data(), false, pass.y.data());
  EXPECT_EQ(pass.y, Pass(weights, nullptr, 1).y);
}

}  // namespace
}  // namespace adscore::trainer

#include "trainer/wide_layer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "trainer/active_units.h"
#include "trainer/parameters.h"
#include "trainer/workers.h"

namespace adscore::trainer {
namespace {

constexpr size_t kInputs = 150;
constexpr size_t kOutputs = 70;

// What a layer gets and passes on in a batch, and what must come of it, summed up in double precision.
struct Batch {
  explicit Batch(size_t count) : rows(count), x(count * kInputs), deltas(count * kOutputs) {
    std::mt19937 random(static_cast<uint32_t>(count));
    std::normal_distribution<float> normal;
    layer = {.inputs = kInputs, .outputs = kOutputs, .weights = {}, .bias = {}};
    for (size_t i = 0; i < kInputs * kOutputs; ++i) layer.weights.push_back(0.1F * normal(random));
    for (size_t i = 0; i < kOutputs; ++i) layer.bias.push_back(normal(random));
    for (float& value : x) value = std::max(0.0F, normal(random) - 0.3F);
    for (float& value : deltas) value = std::max(0.0F, normal(random)) / static_cast<float>(count);
  }

  double Output(size_t row, size_t output) const {
    double sum = layer.bias[output];
    for (size_t i = 0; i < kInputs; ++i) {
      sum += double{x[row * kInputs + i]} * layer.weights[i * kOutputs + output];
    }
    return sum;
  }
  double Below(size_t row, size_t input) const {
    double sum = 0;
    for (size_t o = 0; o < kOutputs; ++o) {
      sum += double{deltas[row * kOutputs + o]} * layer.weights[input * kOutputs + o];
    }
    return sum;
  }
  double Gradient(size_t input, size_t output) const {
    double sum = 0;
    for (size_t row = 0; row < rows; ++row) {
      sum += double{x[row * kInputs + input]} * deltas[row * kOutputs + output];
    }
    return sum;
  }

  size_t rows;
  DenseLayer layer;
  std::vector<float> x;
  std::vector<float> deltas;
};

// The gradient of the weights, as the workers compute it together.
DenseLayer GradientOf(const Batch& batch, Workers& workers) {
  WideLayer wide(kInputs, kOutputs);
  workers.Run([&](size_t worker) { wide.Use(batch.layer, workers, worker); });
  ActiveUnits active(kInputs, workers.count());
  active.Reserve(batch.rows);
  active.Find(batch.x.data(), 0, batch.rows);
  active.Sort(batch.rows);
  DenseLayer gradient = batch.layer;
  workers.RunEach(2 * workers.count(), [&](size_t item) {
    const auto [first, last] = active.Part(item / 2);
    wide.Gradient({item % 2, first, last}, batch.rows, batch.x.data(), active, batch.deltas.data(),
                  &gradient);
  });
  workers.Run([&](size_t worker) { wide.AddSecondHalf(batch.rows, workers, worker, &gradient); });
  return gradient;
}

TEST(WideLayerTest, GoesForwardAndBack) {
  const Batch batch(67);
  Workers workers(3);
  WideLayer wide(kInputs, kOutputs);
  workers.Run([&](size_t worker) { wide.Use(batch.layer, workers, worker); });
  ActiveUnits below(kInputs, 1);
  ActiveUnits units(kOutputs, 1);
  below.Reserve(batch.rows);
  below.Find(batch.x.data(), 0, batch.rows);
  units.Reserve(batch.rows);
  units.Find(batch.deltas.data(), 0, batch.rows);
  std::vector<float> y(batch.rows * kOutputs);
  std::vector<float> relu(batch.rows * kOutputs);
  std::vector<float> back(batch.rows * kInputs);
  std::vector<float> back_from_all(batch.rows * kInputs);
  const float* const bias = batch.layer.bias.data();
  wide.Forward(batch.rows, batch.x.data(), below.OfRows(0), bias, false, y.data());
  wide.Forward(batch.rows, batch.x.data(), below.OfRows(0), bias, true, relu.data());
  wide.Backward(batch.rows, batch.deltas.data(), units.OfRows(0), back.data());
  wide.Backward(batch.rows, batch.deltas.data(), nullptr, back_from_all.data());
  for (size_t row = 0; row < batch.rows; ++row) {
    for (size_t o = 0; o < kOutputs; ++o) {
      const size_t at = row * kOutputs + o;
      EXPECT_NEAR(y[at], batch.Output(row, o), 1e-4);
      EXPECT_EQ(relu[at], std::max(0.0F, y[at]));
    }
    for (size_t i = 0; i < kInputs; ++i) {
      EXPECT_NEAR(back[row * kInputs + i], batch.Below(row, i), 1e-6);
      EXPECT_EQ(back[row * kInputs + i], back_from_all[row * kInputs + i]);
    }
  }
}

// Few rows are summed up in one, many as two halves, of which neither need be whole blocks.
TEST(WideLayerTest, TheGradientIsOfAllRowsWhoeverComputesIt) {
  EXPECT_EQ(WideLayer::SecondHalf(90), 90U);
  EXPECT_EQ(WideLayer::SecondHalf(777), 384U);
  for (const size_t rows : {90U, 777U}) {
    const Batch batch(rows);
    Workers alone(1);
    Workers three(3);
    const DenseLayer gradient = GradientOf(batch, alone);
    for (size_t i = 0; i < kInputs; ++i) {
      for (size_t o = 0; o < kOutputs; ++o) {
        EXPECT_NEAR(gradient.weights[i * kOutputs + o], batch.Gradient(i, o), 1e-6);
      }
    }
    EXPECT_EQ(GradientOf(batch, three).weights, gradient.weights);
  }
}

}  // namespace
}  // namespace adscore::trainer

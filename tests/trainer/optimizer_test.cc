#include "trainer/optimizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace adscore::trainer {
namespace {

// One table of four ids × 2 and one layer whose 8 weights mirror the table, so that both can be given one
// gradient.
class OptimizerTest : public testing::Test {
 protected:
  OptimizerTest() {
    InputField field;
    field.dim = 2;
    field.ids = 4;
    layout_.fields = {field};
    layout_.width = 2;
    initial_.tables = {{1, 2, 3, 4, 5, 6, 7, 8}};
    initial_.layers = {{4, 2, initial_.tables[0], {0, 0}}};
  }

  // Gradients that are the same for the table and for the layer; the table has rows for `ids` only.
  static Gradients Make(const std::vector<float>& values, const std::vector<uint32_t>& ids) {
    Gradients gradients;
    gradients.layers = {{4, 2, values, {0, 0}}};
    float* to = gradients.tables.emplace_back(2).Reset(ids);
    for (const uint32_t id : ids) to = std::copy_n(values.data() + 2 * id, 2, to);
    return gradients;
  }

  static std::vector<float> Values(int step) {
    std::vector<float> values(8);
    for (int i = 0; i < 8; ++i) values[i] = std::sin(static_cast<float>(3 * step + i)) * 0.1F;
    return values;
  }

  InputLayout layout_;
  Parameters initial_;
  Workers workers_{2};
};

TEST_F(OptimizerTest, RowsThatEveryBatchHasMoveExactlyAsDenseWeightsDo) {
  Optimizer optimizer(layout_, initial_, {.average_decay = 0.99}, workers_);
  for (int step = 0; step < 20; ++step) optimizer.Step(Make(Values(step), {2, 0, 3, 1}), 0.01F);
  EXPECT_EQ(optimizer.parameters().tables[0], optimizer.parameters().layers[0].weights);
  const Parameters average = optimizer.Average();
  for (size_t i = 0; i < 8; ++i) EXPECT_NEAR(average.tables[0][i], average.layers[0].weights[i], 1e-5);
}

TEST_F(OptimizerTest, TheFirstStepIsTheLearningRateAgainstTheSignOfTheGradient) {
  Optimizer optimizer(layout_, initial_, {}, workers_);
  const std::vector<float> values = {3, -3, 0.001F, -0.001F, 1, -1, 2, -2};
  optimizer.Step(Make(values, {0, 1}), 0.5F);
  const std::vector<float>& weights = optimizer.parameters().layers[0].weights;
  for (size_t i = 0; i < 8; ++i) {
    EXPECT_NEAR(weights[i], initial_.layers[0].weights[i] - (values[i] > 0 ? 0.5F : -0.5F), 1e-4);
  }
}

TEST_F(OptimizerTest, ARowsClockStartsWithItsFirstBatch) {
  Optimizer optimizer(layout_, initial_, {}, workers_);
  for (int step = 0; step < 50; ++step) optimizer.Step(Make(Values(step), {0}), 0.01F);
  optimizer.Step(Make({0, 0, 5, -5, 0, 0, 0, 0}, {1}), 0.01F);
  EXPECT_NEAR(optimizer.parameters().tables[0][2], 3 - 0.01, 1e-5);  // a full first step, not a damped one
  EXPECT_NEAR(optimizer.parameters().tables[0][3], 4 + 0.01, 1e-5);
}

TEST_F(OptimizerTest, RowsWithoutABatchStayWhereTheyAre) {
  Optimizer optimizer(layout_, initial_, {}, workers_);
  for (int step = 0; step < 30; ++step) optimizer.Step(Make(Values(step), {1}), 0.01F);
  for (const size_t i : {0, 1, 4, 5, 6, 7}) {
    EXPECT_EQ(optimizer.parameters().tables[0][i], initial_.tables[0][i]);
    EXPECT_NEAR(optimizer.Average().tables[0][i], initial_.tables[0][i], 1e-5);
  }
}

TEST_F(OptimizerTest, TheAverageOfASeldomRowIsThatOfAllStepsAlsoTheIdleOnes) {
  OptimizerOptions options;
  options.average_decay = 0.9;
  Optimizer optimizer(layout_, initial_, options, workers_);
  double sum = 0;
  double weight_sum = 0;
  for (int step = 0; step < 40; ++step) {
    optimizer.Step(Make(Values(step), step % 7 == 3 ? std::vector<uint32_t>{2} : std::vector<uint32_t>{0}),
                   0.05F);
    sum = 0.9 * sum + 0.1 * optimizer.parameters().tables[0][4];
    weight_sum = 0.9 * weight_sum + 0.1;
  }
  EXPECT_NEAR(optimizer.Average().tables[0][4], sum / weight_sum, 1e-4);
}

}  // namespace
}  // namespace adscore::trainer

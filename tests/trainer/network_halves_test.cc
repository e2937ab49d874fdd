// The network with products in half precision, beside one with exact ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <vector>

#include "tests/trainer/network_fixture.h"
#include "trainer/half_product.h"
#include "trainer/network.h"

namespace adscore::trainer {
namespace {

class NetworkHalvesTest : public NetworkFixture {};

TEST_F(NetworkHalvesTest, GradientInHalfPrecisionIsAlmostTheExactOne) {
  if (FindHalfKernels() == nullptr) GTEST_SKIP() << "this processor does not multiply in half precision";
  hidden_ = {272, 290, 260};
  deviation_ = 0.05;
  Begin(0);
  batch_ = AllRows(data_);
  for (const bool batch_norm : {false, true}) {
    batch_norm_ = batch_norm;
    halves_ = nullptr;
    network_ = MakeNetwork(&one_worker_);
    const double exact_loss = Loss();
    const Gradients exact = network_->gradients();
    halves_ = FindHalfKernels();
    network_ = MakeNetwork(&one_worker_);
    EXPECT_NEAR(Loss(), exact_loss, 1e-3 * exact_loss);
    const auto expect = [](std::span<const float> of, std::span<const float> exactly, double most) {
      ASSERT_EQ(of.size(), exactly.size());
      double difference = 0;
      double size = 0;
      for (size_t i = 0; i < of.size(); ++i) {
        difference += std::pow(of[i] - exactly[i], 2);
        size += std::pow(exactly[i], 2);
      }
      EXPECT_GT(difference, 0);
      // Mostly of units that are about to switch on or off.
      EXPECT_LT(std::sqrt(difference), most * std::sqrt(size));
    };
    for (size_t l = 0; l < exact.layers.size(); ++l) {
      SCOPED_TRACE(l);
      expect(network_->gradients().layers[l].weights, exact.layers[l].weights, 0.05);
    }
    for (size_t f = 0; f < layout_.fields.size(); ++f) {
      SCOPED_TRACE(f);
      if (layout_.fields[f].dim == 0) continue;
      const RowGradients& of = network_->gradients().tables[f];
      const size_t count = of.ids().size() * layout_.fields[f].RowFloats();
      expect({of.Row(0), count}, {exact.tables[f].Row(0), count}, batch_norm ? 0.1 : 0.05);
    }
  }
}

// In a large batch of rows whose labels are as good as certain, beside ids that all rows have.
TEST_F(NetworkHalvesTest, HalfPrecisionLosesNoGradientOfRareIds) {
  if (FindHalfKernels() == nullptr) GTEST_SKIP() << "this processor does not multiply in half precision";
  hidden_ = {272, 290};
  deviation_ = 0.05;
  Begin(0);
  for (float& bias : parameters_.layers.back().bias) bias = -10;
  std::fill(rows_.labels.begin(), rows_.labels.end(), uint8_t{0});
  batch_.clear();
  for (uint32_t i = 0; i < 20'000; ++i) batch_.push_back(i % 40);
  for (uint32_t row = 0; row < rows_.rows; ++row) batch_[row * 64] = row;
  network_ = MakeNetwork(&one_worker_);
  Loss();
  const Gradients exact = network_->gradients();
  halves_ = FindHalfKernels();
  network_ = MakeNetwork(&one_worker_);
  Loss();
  std::vector<double> errors;
  for (size_t f = 0; f < layout_.fields.size(); ++f) {
    const RowGradients& of = network_->gradients().tables[f];
    const size_t dim = layout_.fields[f].dim;
    for (size_t i = 0; i < of.ids().size(); ++i) {
      double difference = 0;
      double size = 0;
      for (size_t d = 0; d < dim; ++d) {
        difference += std::pow(of.Row(i)[d] - exact.tables[f].Row(i)[d], 2);
        size += std::pow(exact.tables[f].Row(i)[d], 2);
      }
      errors.push_back(std::sqrt(difference / size));
    }
  }
  // A few have units that are about to switch on or off.
  std::sort(errors.begin(), errors.end());
  EXPECT_LT(errors[errors.size() * 9 / 10], 0.05);
}

// Also where the gradient of wide layers is summed by halves of the rows.
TEST_F(NetworkHalvesTest, TheNumberOfWorkersChangesNothing) {
  hidden_ = {272, 290, 130, 70};
  deviation_ = 0.05;
  Begin(0);
  batch_.clear();
  for (uint32_t i = 0; i < 700; ++i) batch_.push_back(i * 37 % static_cast<uint32_t>(data_.rows));
  noise_ = Noise({.unknown_rate = 0.2F, .field_dropout = 0.2F, .hidden_dropout = 0.25F}, 5, 6);
  Workers three(3);
  std::vector<float> exact_logits;
  for (const bool batch_norm : {false, true}) {
    batch_norm_ = batch_norm;
    for (const HalfKernels* const halves : {static_cast<const HalfKernels*>(nullptr), FindHalfKernels()}) {
      halves_ = halves;
      network_ = MakeNetwork(&one_worker_);
      const std::unique_ptr<Network> other = MakeNetwork(&three);
      for (const size_t rows : {700U, 90U, 650U}) {
        batch_.resize(rows, 11);
        const double loss = Loss();
        other->Use(parameters_);
        EXPECT_EQ(other->Backpropagate(rows_, batch_, noise_), loss);
        for (size_t l = 0; l < parameters_.layers.size(); ++l) {
          EXPECT_EQ(other->gradients().layers[l].weights, network_->gradients().layers[l].weights) << l;
          EXPECT_EQ(other->gradients().layers[l].bias, network_->gradients().layers[l].bias) << l;
        }
        for (size_t f = 0; f < layout_.fields.size(); ++f) {
          const RowGradients& mine = network_->gradients().tables[f];
          const RowGradients& others = other->gradients().tables[f];
          ASSERT_EQ(others.ids().size(), mine.ids().size());
          for (size_t i = 0; i < mine.ids().size() * layout_.fields[f].RowFloats(); ++i) {
            EXPECT_EQ(others.Row(0)[i], mine.Row(0)[i]) << f;
          }
        }
        // Scoring in between is exact, and leaves nothing behind.
        std::vector<float> logits[2];
        for (Network* network : {network_.get(), other.get()}) {
          std::vector<float>& of = logits[network == other.get()];
          of.resize(data_.rows * kHeads);
          network->UseForScoring(parameters_);
          network->Logits(rows_, AllRows(data_), of.data());
        }
        EXPECT_EQ(logits[0], logits[1]);
        if (exact_logits.empty()) exact_logits = logits[0];
        EXPECT_EQ(logits[0], exact_logits);
        EXPECT_EQ(Loss(), loss);
      }
    }
  }
}

TEST_F(NetworkHalvesTest, WhatIsTooLargeForHalfPrecisionIsComputedExactly) {
  hidden_ = {272, 290};
  batch_ = AllRows(data_);
  for (const size_t layer : {0U, 1U}) {
    Begin(0);
    parameters_.layers[layer].weights[5] = 1e5F;
    halves_ = nullptr;
    network_ = MakeNetwork(&one_worker_);
    const double loss = Loss();
    const Gradients gradients = network_->gradients();
    halves_ = FindHalfKernels();
    network_ = MakeNetwork(&one_worker_);
    for (size_t batch = 0; batch < 2; ++batch) {  // also the next one
      EXPECT_EQ(Loss(), loss);
      for (size_t l = 0; l < gradients.layers.size(); ++l) {
        EXPECT_EQ(network_->gradients().layers[l].weights, gradients.layers[l].weights) << l;
      }
    }
  }
}

}  // namespace
}  // namespace adscore::trainer

// What the tests of the network share: a small data set with every kind of feature, and networks over it with
// parameters that matter everywhere.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "tests/trainer/test_data.h"
#include "trainer/encoder_fitting.h"
#include "trainer/network.h"

namespace adscore::trainer {

inline constexpr size_t kHeads = 2;

class NetworkFixture : public testing::Test {
 protected:
  NetworkFixture() {
    using enum model::CrossKind;
    // Features: amount, hour (of the context), ad, tags.
    data_.schema.crosses = {{kProduct, 0, 2}, {kProduct, 2, 3}, {kProduct, 3, 1}, {kMatch, 2, 3}};
    EncoderOptions options;
    options.bins = 5;
    options.minimum_count = 3;
    options.embedding_dim = 3;
    encoders_ = FitEncoders(data_, AllRows(data_), options).value();
    Begin(0);
  }

  // With random parameters, and a linear part for so many heads.
  void Begin(size_t linear) {
    layout_ = LayOutInput(data_.schema, encoders_.encodings, linear);
    Encode();
    parameters_ = InitialParameters(layout_, hidden_, std::vector<double>{0.3, 0.1}, 3);
    Random random(4);  // large enough to matter everywhere
    for (std::vector<float>& table : parameters_.tables) Fill(&table, 0.5, &random);
    for (DenseLayer& layer : parameters_.layers) {
      Fill(&layer.weights, deviation_, &random);
      Fill(&layer.bias, 0.3, &random);
    }
    Fill(&parameters_.linear.weights, 0.3, &random);
  }

  void Encode() {
    rows_ = {};
    AppendEncoded(data_, AllRows(data_), 0, data_.labels, layout_, encoders_, &rows_);
  }

  static void Fill(std::vector<float>* values, double deviation, Random* random) {
    for (float& value : *values) value = static_cast<float>(deviation * random->Normal());
  }

  std::unique_ptr<Network> MakeNetwork(Workers* workers) {
    return std::make_unique<Network>(layout_, hidden_, kHeads,
                                     *model::AvailableKernelSets(model::Precision::kF32).front(), *workers,
                                     weights_, batch_norm_, halves_);
  }

  double Loss() {
    network_->Use(parameters_);
    return network_->Backpropagate(rows_, batch_, noise_);
  }

  std::vector<size_t> hidden_ = {7, 5};
  double deviation_ = 0.4;
  Dataset data_ = SmallDataset(200, 1);
  FittedEncoders encoders_;
  InputLayout layout_;
  EncodedRows rows_;
  Parameters parameters_;
  std::vector<uint32_t> batch_ = {3, 14, 15, 92, 65, 35, 89, 79, 32, 38, 46, 26, 43};
  Noise noise_;
  LossWeights weights_;
  bool batch_norm_ = false;
  const HalfKernels* halves_ = nullptr;
  Workers one_worker_{1};
  std::unique_ptr<Network> network_;
};

}  // namespace adscore::trainer

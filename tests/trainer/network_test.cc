#include "trainer/network.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "model/model.h"
#include "tests/trainer/test_data.h"
#include "trainer/encoder_fitting.h"
#include "trainer/trained_model.h"

namespace adscore::trainer {
namespace {

constexpr size_t kHeads = 2;

class NetworkTest : public testing::Test {
 protected:
  NetworkTest() {
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

  // Layers that pass over what is 0 in their inputs, one after another, and then one that does not; none of
  // whole vectors.
  void Widen() {
    hidden_ = {144, 130, 70};
    deviation_ = 0.12;
    every_ = 101;
    Begin(0);
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

  // Compares the gradient of one number with the slope of the loss around it.
  void ExpectSlope(float* value, float gradient, const std::string& what) {
    constexpr float kStep = 5e-4F;
    const float before = *value;
    *value = before + kStep;
    const double above = Loss();
    *value = before - kStep;
    const double below = Loss();
    *value = before;
    const double slope = (above - below) / (2 * static_cast<double>(kStep));
    EXPECT_NEAR(gradient, slope, 2e-4 + 0.02 * std::abs(slope)) << what;
  }

  void ExpectSlopes() {
    network_ = MakeNetwork(&one_worker_);
    Loss();
    const Gradients gradients = network_->gradients();
    for (size_t l = 0; l < parameters_.layers.size(); ++l) {
      DenseLayer& layer = parameters_.layers[l];
      for (size_t i = 0; i < layer.weights.size(); i += every_) {
        ExpectSlope(&layer.weights[i], gradients.layers[l].weights[i],
                    "layer " + std::to_string(l) + " weight " + std::to_string(i));
      }
      for (size_t i = 0; i < layer.bias.size(); i += every_ / 3) {
        ExpectSlope(&layer.bias[i], gradients.layers[l].bias[i], "bias of layer " + std::to_string(l));
      }
    }
    for (size_t i = 0; i < parameters_.linear.weights.size(); ++i) {
      ExpectSlope(&parameters_.linear.weights[i], gradients.linear.weights[i],
                  "linear weight " + std::to_string(i));
    }
    for (size_t f = 0; f < layout_.fields.size(); ++f) {
      const size_t dim = layout_.fields[f].RowFloats();
      const RowGradients& table = gradients.tables[f];
      for (size_t slot = 0; slot < table.ids().size(); ++slot) {
        for (size_t d = 0; d < dim; ++d) {
          ExpectSlope(&parameters_.tables[f][table.ids()[slot] * dim + d], table.Row(slot)[d],
                      "table " + std::to_string(f) + " id " + std::to_string(table.ids()[slot]));
        }
      }
    }
  }

  void ExpectTheSameForAnyNumberOfWorkers() {
    network_ = MakeNetwork(&one_worker_);
    const double loss = Loss();
    const Gradients one = network_->gradients();
    Workers three(3);
    network_ = MakeNetwork(&three);
    const std::vector<uint32_t> batch = batch_;
    batch_ = AllRows(data_);  // of which nothing may be left when the next one is smaller
    Loss();
    batch_ = batch;
    EXPECT_EQ(Loss(), loss);
    EXPECT_EQ(network_->gradients().linear.weights, one.linear.weights);
    for (size_t l = 0; l < one.layers.size(); ++l) {
      EXPECT_EQ(network_->gradients().layers[l].weights, one.layers[l].weights);
      EXPECT_EQ(network_->gradients().layers[l].bias, one.layers[l].bias);
    }
    for (size_t f = 0; f < one.tables.size(); ++f) {
      ASSERT_EQ(network_->gradients().tables[f].ids().size(), one.tables[f].ids().size());
      for (size_t slot = 0; slot < one.tables[f].ids().size(); ++slot) {
        for (size_t d = 0; d < layout_.fields[f].RowFloats(); ++d) {
          EXPECT_EQ(network_->gradients().tables[f].Row(slot)[d], one.tables[f].Row(slot)[d]);
        }
      }
    }
  }

  void ExpectFoldedToSayTheSame() {
    batch_norm_ = true;
    batch_ = AllRows(data_);
    network_ = MakeNetwork(&one_worker_);
    const double normalised = Loss();
    const Parameters folded = network_->Fold(parameters_, rows_);
    batch_norm_ = false;
    const std::unique_ptr<Network> plain = MakeNetwork(&one_worker_);
    plain->Use(folded);
    EXPECT_NEAR(plain->Backpropagate(rows_, batch_, noise_), normalised, 1e-5);
    // Scoring is without normalisation, whatever training is.
    std::vector<float> logits[2];
    for (Network* network : {network_.get(), plain.get()}) {
      std::vector<float>& of = logits[network == plain.get()];
      of.resize(batch_.size() * kHeads);
      network->UseForScoring(folded);
      network->Logits(rows_, batch_, of.data());
    }
    EXPECT_EQ(logits[0], logits[1]);
  }

  void ExpectToScoreWhatIsServed() {
    encoders_.folds.assign(data_.rows, kNoFold);  // as rows that were not trained on
    Encode();
    network_ = MakeNetwork(&one_worker_);
    network_->UseForScoring(parameters_);
    std::vector<float> logits(batch_.size() * kHeads);
    network_->Logits(rows_, batch_, logits.data());
    std::vector<model::Head> heads(kHeads);
    heads[0].name = "click";
    heads[1].name = "conversion";
    TrainedModel trained(data_.schema, layout_, std::move(encoders_), {parameters_}, heads, {});
    RawStorage context;
    RawStorage candidates;
    std::vector<float> served(batch_.size() * kHeads);
    model::ReferenceScore(trained.snapshot(), data_.Gather(model::FeatureRole::kContext, batch_, &context),
                          data_.Gather(model::FeatureRole::kCandidate, batch_, &candidates), served.data());
    for (size_t i = 0; i < served.size(); ++i) EXPECT_NEAR(model::Sigmoid(logits[i]), served[i], 1e-6);
  }

  std::vector<size_t> hidden_ = {7, 5};
  double deviation_ = 0.4;
  size_t every_ = 3;  // which of a layer's weights are moved
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

TEST_F(NetworkTest, GradientIsTheSlopeOfTheLossForEveryKindOfParameter) { ExpectSlopes(); }

TEST_F(NetworkTest, GradientIsTheSlopeOfTheLossUnderNoiseToo) {
  noise_ =
      Noise({.unknown_rate = 0.2F, .field_dropout = 0.2F, .embedding_dropout = 0.3F, .hidden_dropout = 0.25F},
            5, 6);
  ExpectSlopes();
}

TEST_F(NetworkTest, GradientIsTheSlopeOfTheLossWhereRowsAndLabelsCountForMore) {
  weights_ = {.row = 0.5F, .negative_row = 2, .positives = {3, 0.5F}};
  ExpectSlopes();
}

TEST_F(NetworkTest, GradientIsTheSlopeOfTheLossWithBatchNormalisation) {
  batch_norm_ = true;
  ExpectSlopes();
}

TEST_F(NetworkTest, GradientIsTheSlopeOfTheLossWithBatchNormalisationOverSeveralBlocksUnderNoise) {
  batch_norm_ = true;
  batch_ = AllRows(data_);
  batch_.resize(70);  // more of them, and some unit is about to switch on or off wherever a weight is moved
  noise_ = Noise({.unknown_rate = 0.2F, .hidden_dropout = 0.25F}, 5, 6);
  ExpectSlopes();
}

TEST_F(NetworkTest, GradientIsTheSlopeOfTheLossOfWideLayers) {
  Widen();
  batch_ = AllRows(data_);
  batch_.resize(70);  // several blocks
  ExpectSlopes();
}

TEST_F(NetworkTest, GradientIsTheSlopeOfTheLossOfWideLayersUnderNoise) {
  Widen();
  noise_ =
      Noise({.unknown_rate = 0.2F, .field_dropout = 0.2F, .embedding_dropout = 0.3F, .hidden_dropout = 0.25F},
            5, 6);
  ExpectSlopes();
}

TEST_F(NetworkTest, GradientIsTheSlopeOfTheLossOfWideLayersWithBatchNormalisation) {
  Widen();
  batch_ = AllRows(data_);  // of few rows the deviations are small, and the slopes steep and curved
  batch_norm_ = true;
  ExpectSlopes();
}

TEST_F(NetworkTest, GradientInHalfPrecisionIsAlmostTheExactOne) {
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
TEST_F(NetworkTest, HalfPrecisionLosesNoGradientOfRareIds) {
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
TEST_F(NetworkTest, TheNumberOfWorkersChangesNothing) {
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

TEST_F(NetworkTest, WhatIsTooLargeForHalfPrecisionIsComputedExactly) {
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

TEST_F(NetworkTest, GradientIsTheSlopeOfTheLossWithALinearPart) {
  Begin(kHeads);
  noise_ = Noise({.unknown_rate = 0.2F, .field_dropout = 0.2F, .embedding_dropout = 0.3F}, 5, 6);
  ExpectSlopes();
}

TEST_F(NetworkTest, GradientIsTheSlopeOfTheLossWithALinearPartAndNormalisation) {
  Begin(kHeads);
  batch_norm_ = true;
  ExpectSlopes();
}

TEST_F(NetworkTest, FoldedLayersSayWhatBatchNormalisationSaidOfThoseRows) { ExpectFoldedToSayTheSame(); }

TEST_F(NetworkTest, FoldedWideLayersDoToo) {
  Widen();
  ExpectFoldedToSayTheSame();
}

TEST_F(NetworkTest, LossAndGradientDoNotDependOnTheNumberOfWorkers) {
  noise_ =
      Noise({.unknown_rate = 0.2F, .field_dropout = 0.2F, .embedding_dropout = 0.3F, .hidden_dropout = 0.25F},
            5, 6);
  ExpectTheSameForAnyNumberOfWorkers();
}

TEST_F(NetworkTest, NeitherDoThoseOfWideLayers) {
  Widen();
  batch_ = AllRows(data_);
  batch_.resize(180);
  noise_ = Noise({.unknown_rate = 0.2F, .hidden_dropout = 0.25F}, 5, 6);
  ExpectTheSameForAnyNumberOfWorkers();
  batch_norm_ = true;
  ExpectTheSameForAnyNumberOfWorkers();
}

TEST_F(NetworkTest, NeitherDoTheyWithBatchNormalisationAndALinearPart) {
  Begin(kHeads);
  batch_norm_ = true;
  batch_ = AllRows(data_);  // several blocks
  noise_ = Noise({.hidden_dropout = 0.25F}, 5, 6);
  ExpectTheSameForAnyNumberOfWorkers();
}

TEST_F(NetworkTest, ScoresExactlyWhatTheServedModelScores) { ExpectToScoreWhatIsServed(); }

TEST_F(NetworkTest, WideLayersScoreExactlyWhatTheServedModelScores) {
  Widen();
  ExpectToScoreWhatIsServed();
}

TEST_F(NetworkTest, TheServedModelHasTheLinearPartAsUnitsOfItsLayers) {
  Begin(kHeads);
  ExpectToScoreWhatIsServed();
}

TEST_F(NetworkTest, TheServedModelHasTheLinearPartWithoutHiddenLayersToo) {
  hidden_ = {};
  Begin(kHeads);
  ExpectToScoreWhatIsServed();
}

TEST_F(NetworkTest, WorksWithoutAnyHiddenLayer) {
  Workers workers(2);
  const Parameters linear = InitialParameters(layout_, {}, std::vector<double>{0.3, 0.1}, 3);
  Network network(layout_, {}, kHeads, *model::AvailableKernelSets(model::Precision::kF32).front(), workers);
  network.Use(linear);
  EXPECT_TRUE(std::isfinite(network.Backpropagate(rows_, batch_, noise_)));
}

}  // namespace
}  // namespace adscore::trainer

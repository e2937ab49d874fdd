#include "trainer/network.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "model/model.h"
#include "tests/trainer/network_fixture.h"
#include "trainer/trained_model.h"

namespace adscore::trainer {
namespace {

class NetworkTest : public NetworkFixture {
 protected:
  // Layers that pass over what is 0 in their inputs, one after another, and then one that does not; none of
  // whole vectors.
  void Widen() {
    hidden_ = {144, 130, 70};
    deviation_ = 0.12;
    every_ = 101;
    Begin(0);
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

  size_t every_ = 3;  // which of a layer's weights are moved
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

// Eigen as a peer. Compiled with -march=native, and alone so: nothing else of the benchmark includes Eigen,
// so that no inline function exists in two versions.
#include <Eigen/Dense>
#include <vector>

#include "bench/contestant.h"

namespace adscore::bench {
namespace {

using Matrix = Eigen::MatrixXf;  // column-major; a row of ours is a column here, so that it lies in one piece

class EigenForward final : public Contestant {
 public:
  EigenForward(const Network& network, size_t batch)
      : input_(network.input(), static_cast<Eigen::Index>(network.inputs()),
               static_cast<Eigen::Index>(batch)) {
    for (const model::Layer& layer : network.layers()) {
      const auto inputs = static_cast<Eigen::Index>(layer.inputs);
      const auto outputs = static_cast<Eigen::Index>(layer.outputs);
      // [inputs][outputs] row by row is [outputs][inputs] column by column: no transpose in the product.
      weights_.push_back(Eigen::Map<const Matrix>(layer.weights.data(), outputs, inputs));
      bias_.push_back(Eigen::Map<const Eigen::VectorXf>(layer.bias.data(), outputs));
      activations_.emplace_back(outputs, static_cast<Eigen::Index>(batch));
    }
  }

  void Run(float* probabilities) override {
    for (size_t i = 0; i < weights_.size(); ++i) {
      Matrix& y = activations_[i];
      if (i == 0) {
        Product(weights_[i], input_, &y);
      } else {
        Product(weights_[i], activations_[i - 1], &y);
      }
      y.colwise() += bias_[i];
      if (i + 1 < weights_.size()) y = y.cwiseMax(0.0f);
    }
    const Matrix& logits = activations_.back();
    Eigen::Map<Matrix>(probabilities, logits.rows(), logits.cols()).array() =
        (1.0f + (-logits.array()).exp()).inverse();
  }

 private:
  template <typename X>
  static void Product(const Matrix& w, const X& x, Matrix* y) {
    if (x.cols() == 1) {
      y->col(0).noalias() = w * x.col(0);  // as a vector: Eigen has a kernel of its own for it
    } else {
      y->noalias() = w * x;
    }
  }

  Eigen::Map<const Matrix> input_;
  std::vector<Matrix> weights_;
  std::vector<Eigen::VectorXf> bias_;
  std::vector<Matrix> activations_;
};

}  // namespace

std::unique_ptr<Contestant> MakeEigen(const Network& network, size_t batch) {
  return std::make_unique<EigenForward>(network, batch);
}

}  // namespace adscore::bench

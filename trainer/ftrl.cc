#include "trainer/ftrl.h"

#include <cmath>

#include "model/calibrator.h"

namespace adscore::trainer {

FtrlRegression::FtrlRegression(size_t weights, double base_rate, const FtrlOptions& options)
    : inverse_step_(1 / options.step),
      l2_(options.l2),
      initial_bias_(std::log(base_rate / (1 - base_rate))),
      weights_(weights) {}

double FtrlRegression::Logit(const SparseRows& rows, size_t row) const {
  double logit = initial_bias_ + static_cast<double>(bias_.value);
  for (size_t i = rows.begin[row]; i < rows.begin[row + 1]; ++i) {
    logit += static_cast<double>(weights_[rows.index[i]].value) * static_cast<double>(rows.value[i]);
  }
  return logit;
}

void FtrlRegression::Learn(const SparseRows& rows, size_t row, bool positive, double weight) {
  const double error = weight * (model::Sigmoid(Logit(rows, row)) - (positive ? 1 : 0));
  Update(&bias_, error);
  for (size_t i = rows.begin[row]; i < rows.begin[row + 1]; ++i) {
    Update(&weights_[rows.index[i]], error * static_cast<double>(rows.value[i]));
  }
}

void FtrlRegression::Update(Weight* weight, double gradient) const {
  const double root = std::sqrt(weight->root * weight->root + gradient * gradient);
  const double moved = (root - weight->root) * inverse_step_;
  weight->root = root;
  weight->gradients += static_cast<float>(gradient - moved * static_cast<double>(weight->value));
  weight->value = -weight->gradients / static_cast<float>(root * inverse_step_ + l2_);
}

}  // namespace adscore::trainer

#include "trainer/batch_norm.h"

#include <algorithm>
#include <cmath>

namespace adscore::trainer {
namespace {

constexpr double kEpsilon = 1e-5;

}  // namespace

void BatchNorm::AddBlock(size_t block, const float* sums, size_t rows) {
  double* const sum = of_blocks_.data() + block * 2 * units_;
  double* const squares = sum + units_;
  for (size_t r = 0; r < rows; ++r, sums += units_) {
    for (size_t u = 0; u < units_; ++u) {
      const double z = sums[u];
      sum[u] += z;
      squares[u] += z * z;
    }
  }
}

void BatchNorm::AddUp(size_t unit, double* first, double* second) const {
  *first = 0;
  *second = 0;
  for (size_t at = unit; at < of_blocks_.size(); at += 2 * units_) {
    *first += of_blocks_[at];
    *second += of_blocks_[at + units_];
  }
}

void BatchNorm::Finish(size_t rows) {
  const auto count = static_cast<double>(rows);
  for (size_t u = 0; u < units_; ++u) {
    double sum = 0;
    double squares = 0;
    AddUp(u, &sum, &squares);
    const double mean = sum / count;
    const double variance = std::max(0.0, squares / count - mean * mean);
    mean_[u] = static_cast<float>(mean);
    scale_[u] = static_cast<float>(1 / std::sqrt(variance + kEpsilon));
  }
}

void BatchNorm::Forward(size_t first, size_t last, const float* bias, float* values) {
  for (size_t r = first; r < last; ++r) {
    float* const n = normalised_.data() + r * units_;
    float* const row = values + r * units_;
    for (size_t u = 0; u < units_; ++u) {
      n[u] = (row[u] - mean_[u]) * scale_[u];
      row[u] = std::max(0.0F, n[u] + bias[u]);
    }
  }
}

void BatchNorm::AddDeltas(size_t block, size_t first, size_t last, const float* deltas) {
  double* const sum = of_blocks_.data() + block * 2 * units_;
  double* const products = sum + units_;
  std::fill_n(sum, 2 * units_, 0.0);
  for (size_t r = first; r < last; ++r) {
    const float* const n = normalised_.data() + r * units_;
    const float* const row = deltas + r * units_;
    for (size_t u = 0; u < units_; ++u) {
      sum[u] += row[u];
      products[u] += static_cast<double>(row[u]) * n[u];
    }
  }
}

void BatchNorm::FinishDeltas(size_t rows) {
  mean_delta_.resize(units_);
  mean_product_.resize(units_);
  for (size_t u = 0; u < units_; ++u) {
    double sum = 0;
    double products = 0;
    AddUp(u, &sum, &products);
    bias_gradient_[u] = static_cast<float>(sum);
    mean_delta_[u] = static_cast<float>(sum / static_cast<double>(rows));
    mean_product_[u] = static_cast<float>(products / static_cast<double>(rows));
  }
}

void BatchNorm::Backward(size_t first, size_t last, float* deltas) const {
  for (size_t r = first; r < last; ++r) {
    const float* const n = normalised_.data() + r * units_;
    float* const row = deltas + r * units_;
    for (size_t u = 0; u < units_; ++u) {
      row[u] = scale_[u] * (row[u] - mean_delta_[u] - n[u] * mean_product_[u]);
    }
  }
}

void BatchNorm::Fold(DenseLayer* layer) const {
  for (size_t i = 0; i < layer->inputs; ++i) {
    for (size_t u = 0; u < units_; ++u) layer->weights[i * units_ + u] *= scale_[u];
  }
  for (size_t u = 0; u < units_; ++u) layer->bias[u] += (layer->bias[u] - mean_[u]) * scale_[u];
}

}  // namespace adscore::trainer

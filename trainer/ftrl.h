// Logistic regression over sparse rows by FTRL-Proximal: one step per row, each weight with a step size of
// its own that falls as the weight is seen more often, and L2 regularisation that matters most for what is
// seen least (H. B. McMahan et al., "Ad Click Prediction: a View from the Trenches", 2013).
//
// Not thread-safe: one owner per object.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace adscore::trainer {

// Rows of entries, each of which is the index of a weight and what it is multiplied by.
struct SparseRows {
  size_t weights = 0;         // indices are below this
  std::vector<size_t> begin;  // [rows + 1], into the two below
  std::vector<uint32_t> index;
  std::vector<float> value;
};

struct FtrlOptions {
  double step = 0.05;
  double l2 = 1;
};

class FtrlRegression {
 public:
  // Starts with all weights at 0 but the bias, which is the log-odds of `base_rate`.
  FtrlRegression(size_t weights, double base_rate, const FtrlOptions& options);

  double Logit(const SparseRows& rows, size_t row) const;
  void Learn(const SparseRows& rows, size_t row, bool positive, double weight = 1);

 private:
  struct Weight {
    float value = 0;
    float gradients = 0;  // their sum, less what the weight has moved
    double root = 1;      // √(1 + the sum of their squares): the 1 keeps the first steps from being huge
  };
  void Update(Weight* weight, double gradient) const;

  const double inverse_step_;
  const double l2_;
  const double initial_bias_;
  Weight bias_;
  std::vector<Weight> weights_;
};

}  // namespace adscore::trainer

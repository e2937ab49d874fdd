// What a hidden layer makes of its sums. Our own training makes ReLU; models from elsewhere bring the others.
//
// Thread-safe: plain values and pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace adscore::model {

enum class ActivationKind : uint8_t {
  kRelu,       // max(0, x); NaN becomes 0. NaN stays NaN in all others
  kLeakyRelu,  // x, or alpha · x below 0
  kElu,        // x, or alpha · (exp(x) - 1) below 0
  kSelu,       // kSeluScale times the ELU with kSeluAlpha
  kTanh,
  kSigmoid,   // 1 / (1 + exp(-x))
  kSoftplus,  // ln(1 + exp(x))
  kGelu,      // x times the standard normal distribution's share below x
  kGeluTanh,  // its approximation: x · sigmoid(2 · sqrt(2 / pi) · (x + 0.044715 · x^3))
};
inline constexpr size_t kActivationKinds = 9;

// Klambauer and others, 2017, as every framework has them.
inline constexpr double kSeluAlpha = 1.6732632423543772;
inline constexpr double kSeluScale = 1.0507009873554805;

struct Activation {
  ActivationKind kind = ActivationKind::kRelu;
  float alpha = 0;  // leaky_relu and elu only

  bool operator==(const Activation&) const = default;
};

// Whether `alpha` means something.
bool HasAlpha(ActivationKind kind);

// In double precision, by the definitions above: what the kernels are tested against.
double Activate(const Activation& activation, double x);

// "relu", "leaky_relu", "elu", "selu", "tanh", "sigmoid", "softplus", "gelu", "gelu_tanh".
const char* ToString(ActivationKind kind);
// InvalidArgument listing them; `where` says whose word it is.
absl::Status ParseActivationKind(const std::string& word, const std::string& where, ActivationKind* kind);

}  // namespace adscore::model

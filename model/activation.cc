#include "model/activation.h"

#include <array>
#include <cmath>
#include <numbers>
#include <utility>

#include "model/words.h"

namespace adscore::model {
namespace {

constexpr std::array<std::pair<ActivationKind, const char*>, kActivationKinds> kKinds = {{
    {ActivationKind::kRelu, "relu"},
    {ActivationKind::kLeakyRelu, "leaky_relu"},
    {ActivationKind::kElu, "elu"},
    {ActivationKind::kSelu, "selu"},
    {ActivationKind::kTanh, "tanh"},
    {ActivationKind::kSigmoid, "sigmoid"},
    {ActivationKind::kSoftplus, "softplus"},
    {ActivationKind::kGelu, "gelu"},
    {ActivationKind::kGeluTanh, "gelu_tanh"},
}};

double Elu(double alpha, double x) { return x < 0 ? alpha * std::expm1(x) : x; }
double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

bool HasAlpha(ActivationKind kind) {
  return kind == ActivationKind::kLeakyRelu || kind == ActivationKind::kElu;
}

double Activate(const Activation& activation, double x) {
  switch (activation.kind) {
    case ActivationKind::kRelu:
      return x > 0 ? x : 0;
    case ActivationKind::kLeakyRelu:
      return x < 0 ? static_cast<double>(activation.alpha) * x : x;
    case ActivationKind::kElu:
      return Elu(activation.alpha, x);
    case ActivationKind::kSelu:
      return kSeluScale * Elu(kSeluAlpha, x);
    case ActivationKind::kTanh:
      return std::tanh(x);
    case ActivationKind::kSigmoid:
      return Sigmoid(x);
    case ActivationKind::kSoftplus:
      return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
    case ActivationKind::kGelu:
      return x * std::erfc(-x / std::numbers::sqrt2) / 2;
    case ActivationKind::kGeluTanh:
      return x * Sigmoid(2 * std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x));
  }
  return x;
}

const char* ToString(ActivationKind kind) { return WordOf(kKinds, kind); }

absl::Status ParseActivationKind(const std::string& word, const std::string& where, ActivationKind* kind) {
  return ParseWord(kKinds, word, where, kind);
}

}  // namespace adscore::model

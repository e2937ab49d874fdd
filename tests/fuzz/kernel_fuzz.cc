// All kernel sets of this machine on the same product, against plain loops in double precision and against
// each other. The bytes choose precision, shape, strides and values, infinities and NaN among them.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "model/kernels/kernel_set.h"
#include "tests/model/dense_problem.h"

namespace {

using namespace adscore::model;  // NOLINT(google-build-using-namespace): a program of its own

void Require(bool promise) {
  if (!promise) std::abort();
}

class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  uint32_t Below(uint32_t bound) { return (Next() | Next() << 8) % bound; }
  // A small number mostly; now and then one that a kernel must carry through: 0, infinity, NaN, huge.
  float Value(bool finite) {
    const uint8_t byte = Next();
    if (byte == 255 && !finite) return std::numeric_limits<float>::quiet_NaN();
    if (byte == 254 && !finite) return std::numeric_limits<float>::infinity();
    return (static_cast<float>(byte) - 127.0f) / 64.0f;
  }

 private:
  uint8_t Next() { return at_ < size_ ? data_[at_++] : static_cast<uint8_t>(at_++ * 37); }

  const uint8_t* data_;
  size_t size_;
  size_t at_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes(data, size);
  const auto precision = static_cast<Precision>(bytes.Below(3));
  const bool finite = bytes.Below(4) != 0;
  const size_t rows = 1 + bytes.Below(40);
  const size_t depth = 1 + bytes.Below(130);
  const size_t columns = 1 + bytes.Below(130);
  const bool relu = bytes.Below(2) == 0;
  testing::DenseProblem problem(rows, depth, columns);
  for (float& value : problem.x) value = bytes.Value(finite);
  // A snapshot's weights are finite: the reader sees to it.
  for (float& value : problem.w) value = bytes.Value(/*finite=*/true);
  for (float& value : problem.bias) value = bytes.Value(true);

  std::vector<const KernelSet*> sets;
  for (const KernelSet* set : AvailableKernelSets(precision)) {
    sets.push_back(set);
    if (set->first_layer != nullptr) sets.push_back(set->first_layer);
  }
  std::vector<float> largest(columns);  // of a column's weights
  for (size_t i = 0; i < problem.w.size(); ++i) {
    largest[i % columns] = std::max(largest[i % columns], std::fabs(problem.w[i]));
  }
  std::vector<testing::DenseProblem::Sum> reference;  // [rows][columns]
  for (size_t r = 0; r < rows; ++r) {
    for (size_t c = 0; c < columns; ++c) reference.push_back(problem.Reference(r, c));
  }

  std::vector<float> first;
  for (const KernelSet* kernels : sets) {
    const std::vector<float> y = problem.Run(*kernels, relu);
    for (size_t r = 0; r < rows; ++r) {
      for (size_t c = 0; c < columns; ++c) {
        const float got = y[r * columns + c];
        auto [sum, norm] = reference[r * columns + c];
        if (!std::isfinite(norm)) {  // infinity or NaN in the row: with ReLU NaN is 0, otherwise nothing
                                     // finite comes out
          Require(relu ? !std::isnan(got) && got >= 0 : precision != Precision::kF32 || !std::isfinite(got));
          continue;
        }
        if (relu) sum = std::max(sum, 0.0);
        // Of the arithmetic, then of the weights' rounding, then of x's where it is rounded too; |x| <= 2.
        double bound = static_cast<double>(depth + 1) * 1.2e-7 * norm + 1e-6;
        const bool narrow_activations = kernels->scratch_floats(1, 1) > 0;
        const bool integers = narrow_activations && std::string(kernels->name) == "avx512_vnni";
        if (precision == Precision::kBf16) {
          // As integers a weight may be half of 1/511 of the largest one off, x half of 1/32,767.
          bound += integers ? static_cast<double>(depth) * largest[c] * 0.0021
                            : norm * (narrow_activations ? 2.1 : 1) / 250;
        }
        if (precision == Precision::kInt8) {
          bound += static_cast<double>(depth) * largest[c] * (narrow_activations ? 7.0 : 2.0) / 250;
        }
        Require(std::fabs(got - sum) <= bound);
        // How a bf16 is rounded depends on the one that it shares a word with, and so on the vectors' width.
        if (narrow_activations || precision == Precision::kBf16) continue;
        if (first.empty()) first = y;  // of those that differ by the arithmetic alone
        Require(std::fabs(got - first[r * columns + c]) <=
                static_cast<double>(depth + 1) * 2.4e-7 * norm + 1e-5);
      }
    }
  }
  return 0;
}

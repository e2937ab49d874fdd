// Addition, subtraction, multiplication and division of values of a row.
//
// Not thread-safe: works on one graph.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/import/onnx_node.h"

namespace adscore::trainer {

// `type` is Add, Sub, Mul or Div, of the node's first two inputs: values of a row with constants, or with
// each other, where what comes out is still sums of units; x · (1 + erf(x / sqrt 2)), which is a Gelu.
absl::StatusOr<OnnxValue> ApplyArithmetic(const std::string& type, const OnnxNode& node,
                                          OnnxContext* context);

// x and a constant, `first` being whether x stands on the left.
absl::StatusOr<OnnxValue> ArithmeticWithConstant(const std::string& type, const OnnxValue& x,
                                                 const OnnxConstant& c, bool first, OnnxContext* context);

}  // namespace adscore::trainer

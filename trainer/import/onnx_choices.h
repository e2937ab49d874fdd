// Comparisons and choices, of which exporters write two: ids below 0, and a softplus of large numbers.
//
// Not thread-safe: works on one graph.
#pragma once

#include "absl/status/statusor.h"
#include "trainer/import/onnx_node.h"

namespace adscore::trainer {

// Less, Greater or Where. The node has a first input.
absl::StatusOr<OnnxValue> ApplyChoice(const OnnxNode& node, OnnxContext* context);

}  // namespace adscore::trainer

// The operators that only move elements: which element of the input each one of the output is. The same for
// constants and for values of a row.
//
// Thread-safe: pure functions.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/import/onnx_node.h"

namespace adscore::trainer {

struct Elements {
  std::vector<size_t> from;
  std::vector<int64_t> shape;
};

// Reshape, Flatten, Squeeze, Unsqueeze, Transpose, Slice, Gather along an axis, Expand to the same size.
bool IsElementOperator(const std::string& type);

// Of the node's first input, which has this shape: [kBatch, …] for values of a row. The batch stays the first
// axis, and whole: InvalidArgument otherwise.
absl::StatusOr<Elements> PickElements(const OnnxNode& node, const std::vector<int64_t>& shape);

// Of arrays side by side along an axis. `from` counts through the first array's elements, then the second's.
absl::StatusOr<Elements> JoinElements(const std::vector<std::vector<int64_t>>& shapes, int64_t axis);

// Cuts [begin, begin + count) out of an axis.
absl::StatusOr<Elements> CutElements(const std::vector<int64_t>& shape, size_t axis, int64_t begin,
                                     int64_t count);

}  // namespace adscore::trainer

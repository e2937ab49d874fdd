// From an ONNX file to a dense graph.
//
// Thread-safe: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "trainer/import/imported_model.h"

namespace adscore::trainer {

// With `logits` outputs may be numbers, of which the sigmoid is the probability (of two of them the softmax).
// The errors of ReadWholeFile; InvalidArgument if the file is no ONNX model, its graph contradicts itself, or
// it has something that is not supported; the message names the node and what is.
absl::StatusOr<ImportedGraph> ImportOnnx(const std::string& path, bool logits);

// The same from memory. `folder` is where tensors in other files are looked for.
absl::StatusOr<ImportedGraph> ImportOnnxBytes(std::string_view bytes, const std::string& folder, bool logits);

}  // namespace adscore::trainer

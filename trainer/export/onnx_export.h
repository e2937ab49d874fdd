// From a snapshot to an ONNX file that scores the same: encoders, layers and calibrators, for whoever runs
// models in ONNX Runtime.
//
// Thread-safe: pure function over constant data.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "model/snapshot.h"

namespace adscore::trainer {

// The bytes of an ONNX model. Its inputs are the snapshot's features in schema order, each [rows, 1]: a
// number is a float, NaN where it is missing; a token is an int64, the bits of its hash as in a packed
// request (XXH3), 0 where it is missing. Its outputs are the heads, each a float [rows]. A rule that refuses
// missing numbers makes them NaN. InvalidArgument if the snapshot has a multi-valued feature, which ONNX has
// no tensor for, a cross, or hashed buckets, or is too large for one file (2 GiB).
absl::StatusOr<std::string> ExportOnnx(const model::Snapshot& snapshot);

}  // namespace adscore::trainer

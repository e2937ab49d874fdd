// Tensors of an ONNX file as constants, from the file itself or from one beside it.
//
// Thread-safe: pure function.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "onnx.pb.h"
#include "trainer/import/onnx_value.h"

namespace adscore::trainer {

// `folder` is the model file's, which data in other files may not leave. InvalidArgument if the tensor's type
// is not supported, or its shape and its data do not fit; the message does not name the tensor.
absl::StatusOr<OnnxConstant> ReadTensor(const onnx::Tensor& tensor, const std::string& folder);

}  // namespace adscore::trainer

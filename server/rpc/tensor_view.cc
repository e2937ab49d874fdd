#include "server/rpc/tensor_view.h"

#include <cstring>

#include "absl/strings/str_cat.h"

namespace adscore::server {
namespace {

absl::Status CheckStrings(const TensorView& tensor, size_t count) {
  std::string_view left = tensor.bytes;
  for (size_t i = 0; i < count; ++i) {
    uint32_t length = 0;
    if (left.size() < sizeof(length)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "expected ", count, " strings, each after its length in 4 bytes; the bytes end after ", i));
    }
    std::memcpy(&length, left.data(), sizeof(length));
    left.remove_prefix(sizeof(length));
    if (left.size() < length) {
      return absl::InvalidArgumentError(absl::StrCat("string ", i, " of ", count, " says that it has ",
                                                     length, " bytes, but only ", left.size(), " follow"));
    }
    left.remove_prefix(length);
  }
  if (left.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(left.size(), " bytes are left after the ", count, " strings of its shape"));
}

}  // namespace

const char* ToString(Element element) {
  switch (element) {
    case Element::kBool:
      return "BOOL";
    case Element::kInt8:
      return "INT8";
    case Element::kInt16:
      return "INT16";
    case Element::kInt32:
      return "INT32";
    case Element::kInt64:
      return "INT64";
    case Element::kUint8:
      return "UINT8";
    case Element::kUint16:
      return "UINT16";
    case Element::kUint32:
      return "UINT32";
    case Element::kUint64:
      return "UINT64";
    case Element::kFp32:
      return "FP32";
    case Element::kFp64:
      return "FP64";
    case Element::kBytes:
      return "BYTES";
  }
  return "?";
}

size_t SizeOf(Element element) {
  switch (element) {
    case Element::kBool:
    case Element::kInt8:
    case Element::kUint8:
      return 1;
    case Element::kInt16:
    case Element::kUint16:
      return 2;
    case Element::kInt32:
    case Element::kUint32:
    case Element::kFp32:
      return 4;
    case Element::kInt64:
    case Element::kUint64:
    case Element::kFp64:
      return 8;
    case Element::kBytes:
      return 0;
  }
  return 0;
}

absl::Status SetShape(std::span<const int64_t> shape, TensorView* tensor) {
  tensor->rows = 1;
  tensor->width = 1;
  size_t elements = 1;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] < 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("shape: dimension ", d, " is ", shape[d], "; expected at least 1"));
    }
    const auto size = static_cast<size_t>(shape[d]);
    // Room for the size of any element, so that no product of these overflows further on.
    if (__builtin_mul_overflow(elements, size, &elements) || elements > SIZE_MAX / 16) {
      return absl::InvalidArgumentError("shape: more elements than any message holds");
    }
    (d == 0 ? tensor->rows : tensor->width) *= size;
  }
  return absl::OkStatus();
}

absl::Status CheckBytes(TensorView* tensor) {
  const size_t count = tensor->rows * tensor->width;
  tensor->values = count;
  if (tensor->IsText()) return CheckStrings(*tensor, count);
  const size_t expected = count * SizeOf(tensor->element);
  if (tensor->bytes.size() == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("expected ", expected, " bytes (", count, " elements of ",
                                                 ToString(tensor->element), "), got ", tensor->bytes.size()));
}

}  // namespace adscore::server

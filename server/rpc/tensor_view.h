// One named tensor of a request, whichever protocol it came by, and wherever in the message its elements lie.
//
// Thread-safe: plain values and pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace adscore::server {

enum class Element : uint8_t {
  kBool,  // one byte
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kFp32,
  kFp64,
  kBytes,  // a string of any length
};

// As the Open Inference Protocol writes it: "FP32".
const char* ToString(Element element);

// Bytes of one; 0 for kBytes.
size_t SizeOf(Element element);

// Owns nothing: the message must outlive it.
struct TensorView {
  std::string_view name;
  Element element = Element::kFp32;
  size_t rows = 1;   // the first dimension; 1 for a scalar
  size_t width = 1;  // elements of a row: the product of the other dimensions

  // The elements, row after row: rows × width of them, or fewer, of which the last one is repeated.
  size_t values = 0;  // how many are there; at least 1 once it is checked
  // Where they are. Numbers: in little-endian bytes without gaps, at any address. Strings: either each in
  // `bytes`, after its length in 4 bytes, or, where `bytes` is null, in `strings`.
  std::string_view bytes;
  std::span<const std::string* const> strings;

  bool IsText() const { return element == Element::kBytes; }
};

// Sets rows and width. InvalidArgument for a negative or empty dimension, or more elements than can be
// counted.
absl::Status SetShape(std::span<const int64_t> shape, TensorView* tensor);

// For a tensor whose elements are in `bytes`, once its shape is set: sets `values`. InvalidArgument if there
// are not exactly as many bytes as its shape and element need, or if strings are cut off.
absl::Status CheckBytes(TensorView* tensor);

}  // namespace adscore::server

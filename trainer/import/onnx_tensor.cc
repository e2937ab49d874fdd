#include "trainer/import/onnx_tensor.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace adscore::trainer {
namespace {

namespace fs = std::filesystem;
using Type = OnnxConstant::Type;

// The numbers of TensorProto.DataType.
enum DataType {
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kBfloat16 = 16
};

absl::Status Bad(const std::string& what) { return absl::InvalidArgumentError(what); }

float FromHalf(uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const int mantissa = bits & 1023;
  const float sign = (bits & 0x8000) != 0 ? -1.0F : 1.0F;
  if (exponent == 31) return mantissa != 0 ? std::numeric_limits<float>::quiet_NaN() : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), -24);
  return sign * std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
}

float FromBfloat(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

// `count` numbers of T that lie in `bytes`.
template <typename T, typename To, typename Convert>
absl::Status FromBytes(const std::string& bytes, size_t count, std::vector<To>* to, const Convert& convert) {
  if (bytes.size() != count * sizeof(T)) {
    return Bad(
        absl::StrCat("its data has ", bytes.size(), " bytes, and its shape needs ", count * sizeof(T)));
  }
  to->resize(count);
  for (size_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    (*to)[i] = static_cast<To>(convert(value));
  }
  return absl::OkStatus();
}

template <typename From, typename To, typename Convert>
absl::Status FromField(const From& field, size_t count, std::vector<To>* to, const Convert& convert) {
  if (static_cast<size_t>(field.size()) != count) {
    return Bad(absl::StrCat("it has ", field.size(), " numbers, and its shape needs ", count));
  }
  to->reserve(count);
  for (const auto value : field) to->push_back(static_cast<To>(convert(value)));
  return absl::OkStatus();
}

constexpr auto kAsIs = [](auto value) { return value; };

// The bytes that lie in another file of the folder.
absl::StatusOr<std::string> ExternalBytes(const onnx::Tensor& tensor, const std::string& folder,
                                          size_t most) {
  std::string location;
  uint64_t offset = 0;
  uint64_t length = UINT64_MAX;
  for (const onnx::StringEntry& entry : tensor.external_data()) {
    if (entry.key() == "location") location = entry.value();
    const bool number = entry.key() == "offset" || entry.key() == "length";
    if (number && !absl::SimpleAtoi(entry.value(), entry.key() == "offset" ? &offset : &length)) {
      return Bad(absl::StrCat("its external data has ", entry.key(), " '", entry.value(), "'"));
    }
  }
  std::error_code error;
  const fs::path base = fs::canonical(folder.empty() ? "." : folder, error);
  const fs::path file = error ? fs::path() : fs::weakly_canonical(base / location, error);
  // Symbolic links are followed by now: what counts is where the file lies.
  const auto [end, rest] = std::mismatch(base.begin(), base.end(), file.begin(), file.end());
  if (error || location.empty() || end != base.end() || rest == file.end()) {
    return Bad(absl::StrCat("its external data is in '", location,
                            "', which is outside of the model's folder; no file there is read"));
  }
  const uintmax_t size = fs::is_regular_file(file, error) ? fs::file_size(file, error) : 0;
  if (error || size == 0) {
    return Bad(
        absl::StrCat("its external data should be in '", location, "', beside the model: it is not there"));
  }
  if (length == UINT64_MAX) length = offset < size ? size - offset : 0;
  if (offset > size || length > size - offset || length > most) {
    return Bad(absl::StrCat("its external data, ", length, " bytes from ", offset, " on, is not in '",
                            location, "' of ", size, " bytes, or is too large"));
  }
  std::string bytes(length, '\0');
  std::ifstream in(file, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(offset));
  if (!in.read(bytes.data(), static_cast<std::streamsize>(length))) {
    return Bad(absl::StrCat("its external data in '", location, "' can't be read"));
  }
  return bytes;
}

absl::Status ReadRaw(int type, const std::string& bytes, size_t count, OnnxConstant* constant) {
  switch (type) {
    case kFloat:
      return FromBytes<float>(bytes, count, &constant->floats, kAsIs);
    case kDouble:
      return FromBytes<double>(bytes, count, &constant->floats, kAsIs);
    case kFloat16:
      return FromBytes<uint16_t>(bytes, count, &constant->floats, FromHalf);
    case kBfloat16:
      return FromBytes<uint16_t>(bytes, count, &constant->floats, FromBfloat);
    case kUint8:
      return FromBytes<uint8_t>(bytes, count, &constant->integers, kAsIs);
    case kInt8:
      return FromBytes<int8_t>(bytes, count, &constant->integers, kAsIs);
    case kUint16:
      return FromBytes<uint16_t>(bytes, count, &constant->integers, kAsIs);
    case kInt16:
      return FromBytes<int16_t>(bytes, count, &constant->integers, kAsIs);
    case kInt32:
      return FromBytes<int32_t>(bytes, count, &constant->integers, kAsIs);
    case kUint32:
      return FromBytes<uint32_t>(bytes, count, &constant->integers, kAsIs);
    case kInt64:
      return FromBytes<int64_t>(bytes, count, &constant->integers, kAsIs);
    case kUint64:
      return FromBytes<uint64_t>(bytes, count, &constant->integers, kAsIs);
    case kBool:
      return FromBytes<uint8_t>(bytes, count, &constant->integers, [](uint8_t value) { return value != 0; });
    default:
      return Bad("raw data of its type is not supported");
  }
}

absl::Status ReadFields(const onnx::Tensor& tensor, size_t count, OnnxConstant* constant) {
  switch (tensor.data_type()) {
    case kFloat:
      return FromField(tensor.float_data(), count, &constant->floats, kAsIs);
    case kDouble:
      return FromField(tensor.double_data(), count, &constant->floats, kAsIs);
    case kFloat16:
      return FromField(tensor.int32_data(), count, &constant->floats,
                       [](int32_t value) { return FromHalf(static_cast<uint16_t>(value)); });
    case kBfloat16:
      return FromField(tensor.int32_data(), count, &constant->floats,
                       [](int32_t value) { return FromBfloat(static_cast<uint16_t>(value)); });
    case kInt64:
      return FromField(tensor.int64_data(), count, &constant->integers, kAsIs);
    case kUint32:
    case kUint64:
      return FromField(tensor.uint64_data(), count, &constant->integers, kAsIs);
    default:
      return FromField(tensor.int32_data(), count, &constant->integers, kAsIs);
  }
}

}  // namespace

absl::StatusOr<OnnxConstant> ReadTensor(const onnx::Tensor& tensor, const std::string& folder) {
  OnnxConstant constant;
  constant.shape.assign(tensor.dims().begin(), tensor.dims().end());
  const absl::StatusOr<size_t> count = ElementCount(constant.shape);
  if (!count.ok()) return count.status();
  const int type = tensor.data_type();
  const bool is_float = type == kFloat || type == kDouble || type == kFloat16 || type == kBfloat16;
  if (!is_float && (type < kUint8 || type > kUint64)) {
    return Bad(absl::StrCat("its data type ", type, " is not supported"));
  }
  if (type == kString) {
    constant.type = Type::kText;
    constant.texts.assign(tensor.string_data().begin(), tensor.string_data().end());
    if (constant.texts.size() != *count) return Bad("its strings and its shape do not fit each other");
    return constant;
  }
  constant.type = is_float ? Type::kFloat : Type::kInteger;
  absl::Status status;
  if (tensor.data_location() == 1) {
    const absl::StatusOr<std::string> bytes = ExternalBytes(tensor, folder, *count * sizeof(double));
    status = bytes.ok() ? ReadRaw(type, *bytes, *count, &constant) : bytes.status();
  } else if (tensor.has_raw_data()) {
    status = ReadRaw(type, tensor.raw_data(), *count, &constant);
  } else {
    status = ReadFields(tensor, *count, &constant);
  }
  if (!status.ok()) return status;
  return constant;
}

}  // namespace adscore::trainer

#include "server/rpc/tensor_columns.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <type_traits>

#include "data/cell.h"

namespace adscore::server {
namespace {

static_assert(std::endian::native == std::endian::little, "the bytes of tensors are copied as they are");

// visit(zero), with a zero of the element's type; not for strings.
template <typename Visit>
void VisitElement(Element element, Visit visit) {
  switch (element) {
    case Element::kBool:
    case Element::kUint8:
      return visit(uint8_t{});
    case Element::kInt8:
      return visit(int8_t{});
    case Element::kInt16:
      return visit(int16_t{});
    case Element::kInt32:
      return visit(int32_t{});
    case Element::kInt64:
      return visit(int64_t{});
    case Element::kUint16:
      return visit(uint16_t{});
    case Element::kUint32:
      return visit(uint32_t{});
    case Element::kUint64:
      return visit(uint64_t{});
    case Element::kFp32:
      return visit(float{});
    case Element::kFp64:
      return visit(double{});
    case Element::kBytes:
      return;
  }
}

template <typename T>
T Load(const TensorView& tensor, size_t i) {
  T value;
  std::memcpy(&value, tensor.bytes.data() + std::min(i, tensor.values - 1) * sizeof(T), sizeof(T));
  return value;
}

// The strings of a tensor one after another.
class StringReader {
 public:
  explicit StringReader(const TensorView& tensor) : tensor_(tensor), left_(tensor.bytes) {}

  std::string_view Next() {
    const size_t i = next_++;
    if (left_.data() == nullptr) return *tensor_.strings[std::min(i, tensor_.values - 1)];
    uint32_t length = 0;
    std::memcpy(&length, left_.data(), sizeof(length));
    const std::string_view text = left_.substr(sizeof(length), length);
    left_.remove_prefix(sizeof(length) + length);
    return text;
  }

 private:
  const TensorView& tensor_;
  std::string_view left_;
  size_t next_ = 0;
};

// consume(hash of the digits) for each of the tensor's whole numbers.
template <typename Consume>
void ForEachNumberToken(const TensorView& tensor, Consume consume) {
  VisitElement(tensor.element, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (std::is_integral_v<T>) {
      char digits[24];
      for (size_t i = 0; i < tensor.rows * tensor.width; ++i) {
        const auto end = std::to_chars(digits, digits + sizeof(digits), Load<T>(tensor, i)).ptr;
        consume(data::TokenHash({digits, static_cast<size_t>(end - digits)}));
      }
    }
  });
}

}  // namespace

void AppendNumbers(const TensorView& tensor, size_t column, std::vector<float>* numeric) {
  const size_t before = numeric->size();
  numeric->resize(before + tensor.rows);
  float* to = numeric->data() + before;
  if (tensor.element == Element::kFp32 && tensor.width == 1 && tensor.values == tensor.rows) {
    std::memcpy(to, tensor.bytes.data(), tensor.rows * sizeof(float));
    return;
  }
  VisitElement(tensor.element, [&](auto zero) {
    using T = decltype(zero);
    for (size_t r = 0; r < tensor.rows; ++r) {
      to[r] = static_cast<float>(Load<T>(tensor, r * tensor.width + column));
    }
  });
}

void AppendTokens(const TensorView& tensor, std::vector<uint64_t>* categorical) {
  if (!tensor.IsText()) {
    ForEachNumberToken(tensor, [&](uint64_t token) { categorical->push_back(token); });
    return;
  }
  StringReader strings(tensor);
  const size_t given = std::min(tensor.values, tensor.rows);
  for (size_t r = 0; r < given; ++r) categorical->push_back(data::TokenHash(strings.Next()));
  // Hashed once, however long it is and however many rows it stands for.
  categorical->insert(categorical->end(), tensor.rows - given, categorical->back());
}

void AppendTokenLists(const TensorView& tensor, char delimiter, std::vector<uint32_t>* counts,
                      std::vector<uint64_t>* tokens) {
  if (!tensor.IsText()) {
    ForEachNumberToken(tensor, [&](uint64_t token) { tokens->push_back(token); });
    counts->insert(counts->end(), tensor.rows, static_cast<uint32_t>(tensor.width));
    return;
  }
  StringReader strings(tensor);
  for (size_t r = 0; r < tensor.rows; ++r) {
    const size_t before = tokens->size();
    for (size_t i = 0; i < tensor.width; ++i) {
      data::AppendTokenHashes(strings.Next(), delimiter, tokens);
    }
    counts->push_back(static_cast<uint32_t>(tokens->size() - before));
  }
}

}  // namespace adscore::server

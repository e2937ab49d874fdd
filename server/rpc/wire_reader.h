// Reads a protobuf message's fields straight off its bytes (protobuf's "Encoding" page), copying nothing: for
// messages whose parts are so many and so small that building them as objects costs more than using them.
//
// Not thread-safe.
#pragma once

#include <climits>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace adscore::server {

class WireReader {
 public:
  enum class Type : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };
  struct Field {
    uint32_t number = 0;
    Type type = Type::kVarint;
    uint64_t varint = 0;     // of kVarint
    std::string_view bytes;  // of kBytes: the content
    std::string_view whole;  // tag, length and content
  };

  // `bytes` must outlive the reader and the fields.
  explicit WireReader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  // False at the end, and at the first thing that is no field: then ok() is false. Groups, which only proto2
  // ever had, are none.
  bool Next(Field* field) {
    if (at_ == end_) return false;
    const char* begin = at_;
    uint64_t tag = 0;
    ok_ = ReadVarint(kShortVarint, &tag) && tag <= UINT32_MAX && tag >> 3 != 0 && ReadValue(tag, field);
    field->whole = {begin, static_cast<size_t>(at_ - begin)};
    return ok_;
  }

  // False at the end, and for a number that is cut off or longer than 64 bits: then ok() is false.
  bool NextVarint(uint64_t* number) {
    if (at_ == end_) return false;
    ok_ = ReadVarint(kLongVarint, number);
    return ok_;
  }

  bool ok() const { return ok_; }

 private:
  static constexpr unsigned kShortVarint = 5;  // bytes: 32 bits
  static constexpr unsigned kLongVarint = 10;  // 64 bits

  bool ReadVarint(unsigned longest, uint64_t* number) {
    if (at_ != end_ && static_cast<uint8_t>(*at_) < 0x80) [[likely]] {
      *number = static_cast<uint8_t>(*at_++);
      return true;
    }
    return ReadLongVarint(longest, number);
  }

  bool ReadLongVarint(unsigned longest, uint64_t* number) {
    *number = 0;
    for (unsigned shift = 0; at_ != end_ && shift < 7 * longest; shift += 7) {
      const auto byte = static_cast<uint8_t>(*at_++);
      *number |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  bool ReadValue(uint64_t tag, Field* field) {
    field->number = static_cast<uint32_t>(tag >> 3);
    field->type = static_cast<Type>(tag & 7);
    switch (field->type) {
      case Type::kVarint:
        return ReadVarint(kLongVarint, &field->varint);
      case Type::kFixed64:
        return Skip(8);
      case Type::kFixed32:
        return Skip(4);
      case Type::kBytes: {
        uint64_t size = 0;
        if (!ReadVarint(kShortVarint, &size) || size > INT_MAX) return false;
        field->bytes = {at_, static_cast<size_t>(size)};
        return Skip(size);
      }
    }
    return false;
  }

  bool Skip(uint64_t size) {
    if (size > static_cast<uint64_t>(end_ - at_)) return false;
    at_ += size;
    return true;
  }

  const char* at_;
  const char* const end_;
  bool ok_ = true;
};

}  // namespace adscore::server

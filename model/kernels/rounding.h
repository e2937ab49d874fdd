// How a weight is rounded to a narrow one, the same for every kernel set.
//
// Thread-safe: pure functions.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace adscore::model {

// The upper half of a finite float, rounded to the nearest; ties to even.
inline uint16_t RoundToBf16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// A word that is read as a float and has `low` for its lower half: its upper half is chosen so that the float
// is as near to a finite `value` as it gets.
inline uint32_t RoundToBf16Above(float value, uint16_t low) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = bits & 0x80000000;
  const auto word = [&](uint32_t above) { return sign | above << 16 | low; };
  const auto off = [&](uint32_t above) { return std::fabs(std::bit_cast<float>(word(above)) - value); };
  const uint32_t same = (bits & 0x7fffffff) >> 16;
  if (same > 0 && off(same - 1) < off(same)) return word(same - 1);
  return word(off(same + 1) < off(same) ? same + 1 : same);
}

// What one step of a column's integers is worth: the largest of its weights becomes 127. 0 if all are 0.
inline float Int8Scale(const float* column, size_t stride, size_t depth) {
  float largest = 0;
  for (size_t k = 0; k < depth; ++k) largest = std::max(largest, std::fabs(column[k * stride]));
  return largest / 127.0f;
}

// -127 … 127.
inline int8_t RoundToInt8(float value, float scale) {
  if (scale == 0) return 0;
  return static_cast<int8_t>(std::clamp(std::lrint(value / scale), -127L, 127L));
}

}  // namespace adscore::model

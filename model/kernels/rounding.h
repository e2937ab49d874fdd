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

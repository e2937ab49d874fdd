#include "model/encoding.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace adscore::model {
namespace {

float Transform(NumericTransform transform, float x) {
  switch (transform) {
    case NumericTransform::kIdentity:
      return x;
    case NumericTransform::kSignedLog1p:
      return std::copysign(std::log1p(std::fabs(x)), x);
  }
  return x;
}

}  // namespace

EncodedNumber EncodeNumber(const Feature& feature, const NumericEncoding& encoding, float raw) {
  const bool missing = std::isnan(raw);
  if (missing && feature.missing == MissingRule::kMean) return {0.0f, 1.0f, kMissingId};
  if (missing && feature.missing == MissingRule::kRefuse) return {raw, 1.0f, kMissingId};
  const float t = Transform(feature.transform, missing ? 0.0f : raw);
  const float z = (std::clamp(t, encoding.low, encoding.high) - encoding.mean) * encoding.scale;
  if (missing) return {z, 1.0f, kMissingId};
  const auto above = std::upper_bound(encoding.edges.begin(), encoding.edges.end(), t);
  return {z, 0.0f, kFirstBinId + static_cast<uint32_t>(above - encoding.edges.begin())};
}

VocabularySlots BuildVocabulary(std::span<const uint64_t> tokens) {
  VocabularySlots slots;
  if (tokens.empty()) return slots;
  const size_t size = std::bit_ceil(2 * tokens.size());
  slots.keys.assign(size, 0);
  slots.ids.assign(size, 0);
  for (size_t i = 0; i < tokens.size(); ++i) {
    size_t slot = tokens[i] & (size - 1);
    while (slots.keys[slot] != 0) slot = (slot + 1) & (size - 1);
    slots.keys[slot] = tokens[i];
    slots.ids[slot] = kFirstTokenId + static_cast<uint32_t>(i);
  }
  return slots;
}

size_t InputWidth(const Feature& feature, const FeatureEncoding& encoding, size_t members) {
  const size_t numbers = feature.kind != FeatureKind::kNumeric ? 0 : encoding.numeric.flag ? 2 : 1;
  return numbers + encoding.embedding.dim / members + encoding.statistics.dim;
}

}  // namespace adscore::model

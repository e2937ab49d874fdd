#include "model/encoding.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "hwy/highway.h"

namespace adscore::model {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// log(1 + x) for x >= 0, in double precision: the library's logarithm of a double takes a third of the time
// of its log1p of a float. Below the limit 1 + x has lost too much of x, and three terms of the series have
// not.
float Log1p(float x) {
  const double wide = x;
  return static_cast<float>(wide < 1e-4 ? wide * (1 - wide * (1.0 / 2 - wide / 3)) : std::log(1 + wide));
}

float Transform(NumericTransform transform, float x) {
  switch (transform) {
    case NumericTransform::kIdentity:
      return x;
    case NumericTransform::kSignedLog1p:
      return std::copysign(Log1p(std::fabs(x)), x);
  }
  return x;
}

// How many of the ascending `edges` are at most `value`, as std::upper_bound would find it, without a branch
// on what it finds: which half a number is in can't be foreseen. The last few edges are compared all at once:
// a step of the search has to wait for the one before.
size_t EdgesUpTo(std::span<const float> edges, float value) {
  constexpr size_t kFew = 32;
  const float* first = edges.data();
  size_t count = edges.size();
  while (count > kFew) {
    const size_t half = count / 2;
    first += half & (size_t{0} - static_cast<size_t>(first[half - 1] <= value));  // GCC branches on half : 0
    count -= half;
  }
  const hn::Full128<float> d;
  const hn::RebindToSigned<decltype(d)> counts;
  const auto values = hn::Set(d, value);
  auto at_most = hn::Zero(counts);
  size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) {
    const auto found = hn::RebindMask(counts, hn::Le(hn::LoadU(d, first + i), values));
    at_most = hn::Sub(at_most, hn::VecFromMask(counts, found));  // a lane that is true is -1
  }
  size_t sum = static_cast<size_t>(first - edges.data()) +
               static_cast<size_t>(hn::GetLane(hn::SumOfLanes(counts, at_most)));
  for (; i < count; ++i) sum += first[i] <= value ? 1 : 0;
  return sum;
}

// What the number is compared with the edges as. An edge is a logarithm, too, of a number that is often a
// whole one and comes again: whatever library took either, of whichever version, the number belongs to the
// bin above its edge.
float BesideEdges(NumericTransform transform, float t) {
  constexpr float kFewUnits = 4e-7F;  // in the last place, as a share
  return transform == NumericTransform::kSignedLog1p ? t + kFewUnits * std::fabs(t) : t;
}

}  // namespace

EncodedNumber EncodeNumber(const Feature& feature, const NumericEncoding& encoding, float raw) {
  const bool missing = std::isnan(raw);
  if (missing && feature.missing == MissingRule::kMean) return {0.0f, 1.0f, kMissingId};
  if (missing && feature.missing == MissingRule::kRefuse) return {raw, 1.0f, kMissingId};
  const float t = Transform(feature.transform, missing ? 0.0f : raw);
  const float z = (std::clamp(t, encoding.low, encoding.high) - encoding.mean) * encoding.scale;
  if (missing) return {z, 1.0f, kMissingId};
  return {z, 0.0f,
          kFirstBinId + static_cast<uint32_t>(EdgesUpTo(encoding.edges, BesideEdges(feature.transform, t)))};
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

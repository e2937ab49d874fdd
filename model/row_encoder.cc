#include "model/row_encoder.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace adscore::model {
namespace {

// Lookups that are under way together. Tables are larger than any cache: what a row costs is its cache
// misses, and as many of them should overlap as the processor can keep in flight, but no more than the
// first-level cache holds.
constexpr size_t kLookupsTogether = 128;

// The embedding and the statistics of one token, or of kMissingId.
void CopyId(const FeatureEncoding& encoding, uint32_t id, float* to) {
  const size_t dim = encoding.embedding.dim;
  std::memcpy(to, encoding.embedding.Row(encoding.EmbeddingId(id)), dim * sizeof(float));
  const size_t statistics = encoding.statistics.dim;
  if (statistics > 0)
    std::memcpy(to + dim, encoding.statistics.Row(encoding.StatisticsId(id)), statistics * sizeof(float));
}

void PrefetchId(const FeatureEncoding& encoding, uint32_t id) {
  encoding.embedding.Prefetch(encoding.EmbeddingId(id));
  encoding.statistics.Prefetch(id);
}

void AddId(const FeatureEncoding& encoding, uint32_t id, float* to) {
  const size_t dim = encoding.embedding.dim;
  const float* row = encoding.embedding.Row(encoding.EmbeddingId(id));
  for (size_t d = 0; d < dim; ++d) to[d] += row[d];
  if (encoding.statistics.dim == 0) return;
  row = encoding.statistics.Row(encoding.StatisticsId(id));
  for (size_t d = 0; d < encoding.statistics.dim; ++d) to[dim + d] += row[d];
}

// The mean over the tokens.
void EncodeMulti(const FeatureEncoding& encoding, std::span<const uint64_t> tokens, float* to) {
  if (tokens.empty()) return CopyId(encoding, kMissingId, to);
  const size_t width = encoding.embedding.dim + encoding.statistics.dim;
  std::fill_n(to, width, 0.0f);
  for (size_t at = 0; at < tokens.size(); at += kLookupsTogether) {
    const auto some = tokens.subspan(at, std::min(kLookupsTogether, tokens.size() - at));
    uint32_t ids[kLookupsTogether];
    for (const uint64_t token : some) encoding.vocabulary.Prefetch(token);
    for (size_t i = 0; i < some.size(); ++i) {
      ids[i] = encoding.vocabulary.Lookup(some[i]);
      PrefetchId(encoding, ids[i]);
    }
    for (size_t i = 0; i < some.size(); ++i) AddId(encoding, ids[i], to);
  }
  const float share = 1.0f / static_cast<float>(tokens.size());
  for (size_t d = 0; d < width; ++d) to[d] *= share;
}

}  // namespace

RowEncoder::RowEncoder(const Snapshot& snapshot, FeatureRole role) {
  for (size_t i = 0; i < snapshot.schema.features.size(); ++i) {
    const Feature& feature = snapshot.schema.features[i];
    if (feature.role != role) continue;
    std::vector<Slot>& slots = slots_[static_cast<size_t>(feature.kind)];
    slots.push_back({&feature, &snapshot.encodings[i], slots.size(), width_});
    width_ += InputWidth(feature, snapshot.encodings[i]);
  }
}

void RowEncoder::Seek(const RawColumns& columns, size_t first, EncodeScratch* scratch) const {
  const size_t features = slots_[static_cast<size_t>(FeatureKind::kMultiCategorical)].size();
  scratch->next_value.resize(features);
  size_t at = 0;
  for (size_t f = 0; f < features; ++f) {
    const auto counts = columns.multi_count.subspan(f * columns.rows, columns.rows);
    const auto here = counts.begin() + static_cast<ptrdiff_t>(first);
    scratch->next_value[f] = std::accumulate(counts.begin(), here, at);
    at = std::accumulate(here, counts.end(), scratch->next_value[f]);
  }
}

void RowEncoder::Encode(const RawColumns& columns, size_t first, size_t count, EncodeScratch* scratch,
                        float* input, size_t stride) const {
  for (const Slot& slot : slots_[static_cast<size_t>(FeatureKind::kNumeric)]) {
    const EmbeddingTable& table = slot.encoding->embedding;
    const float* values = columns.numeric.data() + slot.column * columns.rows + first;
    float* to = input + slot.offset;
    for (size_t r = 0; r < count; ++r, to += stride) {
      const EncodedNumber number = EncodeNumber(*slot.feature, slot.encoding->numeric, values[r]);
      to[0] = number.value;
      to[1] = number.missing;
      if (table.dim > 0) std::memcpy(to + 2, table.Row(number.bin), table.dim * sizeof(float));
    }
  }

  const size_t categorical = slots_[static_cast<size_t>(FeatureKind::kCategorical)].size();
  const size_t step = std::max<size_t>(1, kLookupsTogether / std::max<size_t>(1, categorical));
  scratch->ids.resize(categorical * step);
  for (size_t r = 0; categorical > 0 && r < count; r += step) {
    EncodeCategorical(columns, first + r, std::min(step, count - r), scratch->ids.data(), input + r * stride,
                      stride);
  }

  for (const Slot& slot : slots_[static_cast<size_t>(FeatureKind::kMultiCategorical)]) {
    const uint32_t* counts = columns.multi_count.data() + slot.column * columns.rows + first;
    size_t& at = scratch->next_value[slot.column];
    float* to = input + slot.offset;
    for (size_t r = 0; r < count; ++r, to += stride) {
      EncodeMulti(*slot.encoding, columns.multi.subspan(at, counts[r]), to);
      at += counts[r];
    }
  }
}

// All lookups of a few rows together: where the tokens lie in the vocabularies is on its way before the first
// is looked for, and the rows of the tables are on theirs before the first is copied.
void RowEncoder::EncodeCategorical(const RawColumns& columns, size_t first, size_t count, uint32_t* ids,
                                   float* input, size_t stride) const {
  const std::vector<Slot>& slots = slots_[static_cast<size_t>(FeatureKind::kCategorical)];
  const auto tokens = [&](const Slot& slot) {
    return columns.categorical.data() + slot.column * columns.rows + first;
  };
  for (const Slot& slot : slots) {
    for (size_t r = 0; r < count; ++r) slot.encoding->vocabulary.Prefetch(tokens(slot)[r]);
  }
  uint32_t* id = ids;
  for (const Slot& slot : slots) {
    for (size_t r = 0; r < count; ++r, ++id) {
      *id = slot.encoding->vocabulary.Lookup(tokens(slot)[r]);
      PrefetchId(*slot.encoding, *id);
    }
  }
  id = ids;
  for (const Slot& slot : slots) {
    for (size_t r = 0; r < count; ++r, ++id) CopyId(*slot.encoding, *id, input + r * stride + slot.offset);
  }
}

}  // namespace adscore::model

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

void PrefetchId(const FeatureEncoding& encoding, uint32_t id) {
  encoding.embedding.Prefetch(encoding.EmbeddingId(id));
  encoding.statistics.Prefetch(id);
}

}  // namespace

RowEncoder::RowEncoder(const Snapshot& snapshot, FeatureRole role) : members_(snapshot.members) {
  for (size_t i = 0; i < snapshot.schema.features.size(); ++i) {
    const Feature& feature = snapshot.schema.features[i];
    if (feature.role != role) continue;
    std::vector<Slot>& slots = slots_[static_cast<size_t>(feature.kind)];
    slots.push_back({&feature, &snapshot.encodings[i], slots.size(), width_,
                     snapshot.encodings[i].embedding.dim / members_});
    width_ += InputWidth(feature, snapshot.encodings[i], members_);
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
                        const InputRows& to) const {
  EncodeNumbers(columns, first, count, to);

  const size_t categorical = slots_[static_cast<size_t>(FeatureKind::kCategorical)].size();
  const size_t step = std::max<size_t>(1, kLookupsTogether / std::max<size_t>(1, categorical));
  scratch->ids.resize(categorical * step);
  for (size_t r = 0; categorical > 0 && r < count; r += step) {
    EncodeCategorical(columns, first + r, std::min(step, count - r), scratch->ids.data(), to.From(r));
  }

  for (const Slot& slot : slots_[static_cast<size_t>(FeatureKind::kMultiCategorical)]) {
    const uint32_t* counts = columns.multi_count.data() + slot.column * columns.rows + first;
    size_t& at = scratch->next_value[slot.column];
    for (size_t r = 0; r < count; ++r) {
      EncodeMulti(slot, columns.multi.subspan(at, counts[r]), to.From(r));
      at += counts[r];
    }
  }
}

void RowEncoder::EncodeNumbers(const RawColumns& columns, size_t first, size_t count,
                               const InputRows& to) const {
  for (const Slot& slot : slots_[static_cast<size_t>(FeatureKind::kNumeric)]) {
    const EmbeddingTable& table = slot.encoding->embedding;
    const float* values = columns.numeric.data() + slot.column * columns.rows + first;
    float* row = to.to + slot.offset;
    const bool flag = slot.encoding->numeric.flag;
    const size_t numbers = flag ? 2 : 1;
    for (size_t r = 0; r < count; ++r, row += to.stride) {
      const EncodedNumber number = EncodeNumber(*slot.feature, slot.encoding->numeric, values[r]);
      for (size_t m = 0; m < members_; ++m) {
        float* input = row + m * to.member_stride;
        input[0] = number.value;
        if (flag) input[1] = number.missing;
        if (slot.dim > 0)
          std::memcpy(input + numbers, table.Row(number.bin) + m * slot.dim, slot.dim * sizeof(float));
      }
    }
  }
}

// All lookups of a few rows together: where the tokens lie in the vocabularies is on its way before the first
// is looked for, and the rows of the tables are on theirs before the first is copied.
void RowEncoder::EncodeCategorical(const RawColumns& columns, size_t first, size_t count, uint32_t* ids,
                                   const InputRows& to) const {
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
    for (size_t r = 0; r < count; ++r, ++id) CopyId(slot, *id, to.From(r));
  }
}

void RowEncoder::CopyId(const Slot& slot, uint32_t id, const InputRows& to) const {
  const EmbeddingTable& table = slot.encoding->embedding;
  const EmbeddingTable& statistics = slot.encoding->statistics;
  const float* embedding = table.Row(slot.encoding->EmbeddingId(id));
  float* input = to.to + slot.offset;
  for (size_t m = 0; m < members_; ++m, input += to.member_stride) {
    std::memcpy(input, embedding + m * slot.dim, slot.dim * sizeof(float));
    if (statistics.dim > 0) {
      std::memcpy(input + slot.dim, statistics.Row(slot.encoding->StatisticsId(id)),
                  statistics.dim * sizeof(float));
    }
  }
}

void RowEncoder::EncodeMulti(const Slot& slot, std::span<const uint64_t> tokens, const InputRows& to) const {
  if (tokens.empty()) return CopyId(slot, kMissingId, to);
  const FeatureEncoding& encoding = *slot.encoding;
  const size_t statistics = encoding.statistics.dim;
  const size_t width = slot.dim + statistics;
  float* const first = to.to + slot.offset;
  for (size_t m = 0; m < members_; ++m) std::fill_n(first + m * to.member_stride, width, 0.0f);
  for (size_t at = 0; at < tokens.size(); at += kLookupsTogether) {
    const auto some = tokens.subspan(at, std::min(kLookupsTogether, tokens.size() - at));
    uint32_t ids[kLookupsTogether];
    for (const uint64_t token : some) encoding.vocabulary.Prefetch(token);
    for (size_t i = 0; i < some.size(); ++i) {
      ids[i] = encoding.vocabulary.Lookup(some[i]);
      PrefetchId(encoding, ids[i]);
    }
    for (size_t i = 0; i < some.size(); ++i) {
      const float* embedding = encoding.embedding.Row(encoding.EmbeddingId(ids[i]));
      const float* counted =
          statistics > 0 ? encoding.statistics.Row(encoding.StatisticsId(ids[i])) : nullptr;
      for (size_t m = 0; m < members_; ++m) {
        float* input = first + m * to.member_stride;
        for (size_t d = 0; d < slot.dim; ++d) input[d] += embedding[m * slot.dim + d];
        for (size_t d = 0; d < statistics; ++d) input[slot.dim + d] += counted[d];
      }
    }
  }
  const float share = 1.0f / static_cast<float>(tokens.size());
  for (size_t m = 0; m < members_; ++m) {
    for (size_t d = 0; d < width; ++d) first[m * to.member_stride + d] *= share;
  }
}

}  // namespace adscore::model

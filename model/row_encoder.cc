#include "model/row_encoder.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "model/cross.h"

namespace adscore::model {
namespace {

// Lookups that are under way together. Tables are larger than any cache: what a row costs is its cache
// misses, and as many of them should overlap as the processor can keep in flight, but no more than the
// first-level cache holds.
constexpr size_t kLookupsTogether = 128;
// Tables that are no larger together are in the second-level cache, from where it costs more to ask for a
// line early than to wait for it (bench/encode_bench: up to a fifth).
constexpr size_t kCachedBytes = size_t{1} << 20;

size_t TableBytes(const FeatureEncoding& encoding) {
  return encoding.vocabulary.keys().size_bytes() + encoding.vocabulary.ids().size_bytes() +
         encoding.embedding.values.size_bytes() + encoding.statistics.values.size_bytes();
}

}  // namespace

RowEncoder::RowEncoder(const Snapshot& snapshot, FeatureRole role) : members_(snapshot.members) {
  const Schema& schema = snapshot.schema;
  const auto slot_of = [&](size_t i, const Feature& feature, size_t column) {
    const FeatureEncoding& encoding = snapshot.encodings[i];
    const Slot slot = {&feature, &encoding, column, width_, encoding.embedding.dim / members_};
    width_ += InputWidth(feature, encoding, members_);
    table_bytes_ += TableBytes(encoding);
    return slot;
  };
  size_t counts[2][3] = {};  // features so far, by role and kind
  std::vector<size_t> columns;
  for (size_t i = 0; i < schema.features.size(); ++i) {
    const Feature& feature = schema.features[i];
    columns.push_back(counts[static_cast<size_t>(feature.role)][static_cast<size_t>(feature.kind)]++);
    if (feature.role != role) continue;
    slots_[static_cast<size_t>(feature.kind)].push_back(slot_of(i, feature, columns[i]));
  }
  for (size_t i = 0; i < schema.crosses.size(); ++i) {
    const Cross& cross = schema.crosses[i];
    const Feature feature = FeatureOf(schema, cross);
    if (feature.role != role) continue;
    const auto operand = [&](size_t of) -> Operand {
      const Feature& crossed = schema.features[of];
      return {&crossed, &snapshot.encodings[of], columns[of],
              role == FeatureRole::kCandidate && crossed.role == FeatureRole::kContext};
    };
    Slot slot = slot_of(schema.features.size() + i, feature, 0);
    slot.feature = nullptr;  // there is none in the schema
    crosses_.push_back({slot,
                        cross.kind,
                        feature.kind == FeatureKind::kMultiCategorical,
                        {operand(cross.first), operand(cross.second)}});
  }
}

void RowEncoder::PrefetchToken(const FeatureEncoding& encoding, uint64_t token) const {
  if (table_bytes_ > kCachedBytes) encoding.vocabulary.Prefetch(token);
}

void RowEncoder::PrefetchId(const FeatureEncoding& encoding, uint32_t id) const {
  if (table_bytes_ <= kCachedBytes) return;
  encoding.embedding.Prefetch(encoding.EmbeddingId(id));
  encoding.statistics.Prefetch(id);
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

void RowEncoder::Encode(const RawColumns& columns, const RawColumns& context, size_t first, size_t count,
                        EncodeScratch* scratch, const InputRows& to) const {
  EncodeNumbers(columns, first, count, to);
  // Before the lists, which move on as they are read.
  for (const CrossSlot& cross : crosses_) EncodeCross(cross, columns, context, first, count, scratch, to);

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
    for (size_t r = 0; r < count; ++r) PrefetchToken(*slot.encoding, tokens(slot)[r]);
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

void RowEncoder::EncodeCross(const CrossSlot& cross, const RawColumns& columns, const RawColumns& context,
                             size_t first, size_t count, EncodeScratch* scratch, const InputRows& to) const {
  // The values of row r, r ascending from `first`; those of a list lie where they came, from `at` on.
  const auto values = [&](const Operand& operand, size_t r, size_t* at, std::vector<uint64_t>* one) {
    const RawColumns& from = operand.context ? context : columns;
    const size_t cell = operand.column * from.rows + (operand.context ? 0 : r);
    if (operand.feature->kind == FeatureKind::kMultiCategorical) {
      const std::span<const uint64_t> list = from.multi.subspan(*at, from.multi_count[cell]);
      if (!operand.context) *at += list.size();
      return list;
    }
    one->assign(1, operand.feature->kind == FeatureKind::kCategorical
                       ? from.categorical[cell]
                       : EncodeNumber(*operand.feature, operand.encoding->numeric, from.numeric[cell]).bin);
    return std::span<const uint64_t>(*one);
  };
  size_t at[2] = {};
  for (size_t side = 0; side < 2; ++side) {
    const Operand& operand = cross.operands[side];
    if (operand.feature->kind != FeatureKind::kMultiCategorical) continue;
    const auto before = context.multi_count.begin();
    at[side] = operand.context
                   ? std::accumulate(before, before + static_cast<ptrdiff_t>(operand.column), size_t{0})
                   : scratch->next_value[operand.column];
  }
  const FeatureEncoding& encoding = *cross.slot.encoding;
  uint64_t together[kLookupsTogether];
  for (size_t begin = 0; begin < count; begin += kLookupsTogether) {
    const size_t end = std::min(begin + kLookupsTogether, count);
    for (size_t r = begin; r < end; ++r) {
      const auto first_values = values(cross.operands[0], first + r, &at[0], &scratch->values[0]);
      const auto second_values = values(cross.operands[1], first + r, &at[1], &scratch->values[1]);
      CrossTokens(cross.kind, cross.list, first_values, second_values, &scratch->tokens);
      if (cross.list) {
        EncodeMulti(cross.slot, scratch->tokens, to.From(r));
      } else {
        together[r - begin] = scratch->tokens[0];
        PrefetchToken(encoding, together[r - begin]);
      }
    }
    if (cross.list) continue;
    uint32_t ids[kLookupsTogether];
    for (size_t i = 0; i < end - begin; ++i) {
      ids[i] = encoding.vocabulary.Lookup(together[i]);
      PrefetchId(encoding, ids[i]);
    }
    for (size_t i = 0; i < end - begin; ++i) CopyId(cross.slot, ids[i], to.From(begin + i));
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
    for (const uint64_t token : some) PrefetchToken(encoding, token);
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
